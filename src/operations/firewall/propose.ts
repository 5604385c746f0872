import { RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import { canonicalAddress, isHost } from '../../domain/findings/endpoint.ts'
import type { FirewallOrigin, FirewallProposal } from '../../domain/firewall/change.ts'
import { proposeChanges } from '../../domain/firewall/propose.ts'
import { resolveParameters } from '../../domain/policy/parameters.ts'
import { readReference } from '../../domain/targets.ts'
import { canonicalCidr, distinctNetworks } from '../../probes/network/cidr.ts'
import { parseLiteral } from '../../probes/network/ip-literal.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredPolicyVersion } from '../../store/inventory/policies.ts'
import { issueOf } from '../targets/target.ts'

/** What a proposal is for; texts as in the query. */
export interface FirewallRequest {
  target: string
  /** Exactly one of vantage and zone. */
  vantage?: string | undefined
  zone?: string | undefined
  /** The networks of the origin. */
  source: readonly string[]
  /** `NAME=ADDRESS`, for hosts that are known by name. */
  resolve: readonly string[]
}

/** The changes of firewalls that a policy version demands for a target, seen from an origin. Throws RefusedError. */
export async function proposeFirewall(
  stores: Stores,
  { policy, request, now }: { policy: StoredPolicyVersion; request: FirewallRequest; now: Date },
): Promise<FirewallProposal> {
  const networks = readNetworks(request.source)
  const known = readAddresses(request.resolve)
  const origin = await findOrigin(stores, request, networks)
  const target = await findTargetOf(stores, request.target)
  const resolved = resolveParameters(policy.document, { target: target.params })
  if ('errors' in resolved)
    throw refusal(
      ...resolved.errors.map(({ parameter, message }) => issue('target', `its parameter ${parameter} ${message}`)),
    )
  const addressesOf = (host: string): readonly string[] =>
    parseLiteral(host) ? [canonicalAddress(host)] : (known.get(nameOf(host)) ?? [])
  const { address } = target
  const changes = proposeChanges({ document: policy.document, values: resolved.values, address, origin, addressesOf })
  return {
    policy: { name: policy.name, version: policy.version, digest: policy.digest },
    target: { name: target.name, address, addresses: addressesOf(address) },
    origin,
    at: now,
    ...changes,
  }
}

const issue = (field: string, message: string): ValidationIssue => ({ pointer: `/${field}`, message })
const refusal = (...issues: ValidationIssue[]) => new RefusedError(issues, 'query')
const nameOf = (host: string) => host.toLowerCase().replace(/\.$/, '')

async function findTargetOf(stores: Stores, text: string) {
  const reference = readReference(text)
  const found = await stores.targets.select([reference])
  const [target] = found
  if (!target || found.length > 1) throw refusal(issue('target', issueOf(reference, found) ?? ''))
  return target
}

async function findOrigin(
  stores: Stores,
  { vantage, zone }: FirewallRequest,
  networks: readonly string[],
): Promise<FirewallOrigin> {
  if ((vantage === undefined) === (zone === undefined))
    throw refusal(issue(vantage === undefined ? 'zone' : 'vantage', 'name either a vantage or a zone'))
  if (zone !== undefined) return { vantage: null, zones: [zone], networks }
  const found = await stores.vantages.find(vantage ?? '')
  if (!found) throw refusal(issue('vantage', `there is no vantage ${vantage}: GET /v1/vantages lists them`))
  return { vantage: found.name, zones: found.zones, networks }
}

function readNetworks(texts: readonly string[]): string[] {
  const networks = texts.map((text, index) => {
    const network = canonicalCidr(text)
    if (network === undefined)
      throw refusal(issue(`source/${index}`, 'must be a network or an address such as 10.20.0.0/16'))
    return network
  })
  return distinctNetworks(networks)
}

/** The addresses by name. */
function readAddresses(texts: readonly string[]): Map<string, string[]> {
  const addresses = new Map<string, string[]>()
  for (const [index, text] of texts.entries()) {
    const [name = '', address = '', ...rest] = text.split('=')
    if (rest.length > 0 || !isHost(name) || !parseLiteral(address))
      throw refusal(issue(`resolve/${index}`, 'must be NAME=ADDRESS such as dc1.example.org=10.20.0.5'))
    const own = addresses.get(nameOf(name)) ?? []
    addresses.set(nameOf(name), [...new Set([...own, canonicalAddress(address)])])
  }
  return addresses
}
