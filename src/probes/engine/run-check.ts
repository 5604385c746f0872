import { boundFacts, maxAddresses, maxFactsSize } from '../../domain/findings/bounds.ts'
import { familyOf } from '../../domain/findings/counted-addresses.ts'
import type { Observation } from '../../domain/findings/observation.ts'
import type { ProtocolName } from '../../domain/protocols/index.ts'
import { createDialler } from '../network/dial.ts'
import { createResolver, lookupThreads } from '../network/resolve.ts'
import { createRoundTrips } from '../network/round-trips.ts'
import { findRouteError, lacksFamilyOf } from '../network/routing.ts'
import { probeAddress, undialled } from './address-probe.ts'
import type { Binds } from './binds.ts'
import { type Check, type Circumstances, type ObserverOptions, usesCredential, type World } from './check.ts'
import { watchDescriptors } from './descriptor-pressure.ts'
import { createPresence } from './host-presence.ts'
import { createOverdueWatch } from './overdue.ts'
import type { Endpoint, Outcome } from './probe.ts'

/**
 * Makes one check: resolves the host once and probes each of its addresses. Never rejects. A check with a credential needs
 * `binds`, which permits each bind of an account.
 */
export type Observe = <P extends ProtocolName>(check: Check<P>, binds?: Binds) => Promise<Observation<P>>

/** How much longer than the others the last try of a peer waits that is silent inside its protocol. */
const patience = 3

// resolv.conf: by default two tries of five seconds.
const nameServerPatienceMs = 15_000

/** Least time between two tries, as the least retransmission timeout of Linux (TCP_RTO_MIN). */
const minOverlapMs = 200

/** The only caller of probes, and the only owner of tries, deadlines and sockets. */
export function createObserver(options: ObserverOptions): Observe {
  const descriptors = watchDescriptors()
  const roundTrips = createRoundTrips({ floorMs: minOverlapMs, now: () => performance.now() })
  const dialler = createDialler({ ...options, descriptors, roundTrips })
  const world: World = {
    ...options,
    patientMs: options.timeoutMs * patience,
    roundTrips,
    dialler,
    overdue: createOverdueWatch(),
    presenceOf: createPresence({ dialler, budget: options.budget }),
    resolve: createResolver({
      lookup: options.lookup,
      timeoutMs: options.timeoutMs,
      parallel: lookupThreads(process.env),
      patienceMs: nameServerPatienceMs,
      descriptors,
    }),
  }
  return (check, binds) =>
    probeAddresses(check, { binds, world }).then(
      (addressResults) => observationOf(check, addressResults, world),
      (error: unknown) => {
        world.log(error, check)
        return observationOf(check, [undialled(null, { state: 'unknown', reason: 'local-failure' })], world)
      },
    )
}

type AddressResults<P extends ProtocolName> = Observation<P>['addressResults']

function observationOf<P extends ProtocolName>(
  { probe, host, port, options }: Check<P>,
  addressResults: AddressResults<P>,
  { clock }: World,
): Observation<P> {
  const ports = 'ports' in options ? options.ports : undefined
  const observation = { probe, host, port, ...(ports && { ports }), observedAt: clock().toISOString(), addressResults }
  return boundFacts([observation], maxFactsSize)[0] ?? observation
}

function probeAddresses<P extends ProtocolName>(
  check: Check<P>,
  circumstances: Circumstances,
): Promise<AddressResults<P>> {
  const startedAt = performance.now()
  const proceed = (resolved: readonly string[] | Outcome) => {
    check.once?.resolved(performance.now() - startedAt)
    return probeResolved(check, resolved, circumstances)
  }
  const resolved = circumstances.world.resolve(check.once?.dial ?? check.host)
  return 'then' in resolved ? resolved.then(proceed) : proceed(resolved)
}

function probeResolved<P extends ProtocolName>(
  check: Check<P>,
  found: readonly string[] | Outcome,
  circumstances: Circumstances,
): Promise<AddressResults<P>> {
  if ('state' in found) return Promise.resolve([undialled(null, found)])
  const { families } = check
  const resolved = families ? found.filter((address) => families.includes(familyOf(address))) : found
  const [first] = resolved
  if (first === undefined) return Promise.resolve([undialled(null, noAddressOfFamily)])
  if (resolved.length > 1 && !check.once) return probeSeveral(check, resolved, circumstances)
  const endpoint = { host: check.host, address: first, port: check.port }
  return probeAddress(check, endpoint, circumstances).then((one) => [one])
}

async function probeSeveral<P extends ProtocolName>(
  check: Check<P>,
  resolved: readonly string[],
  circumstances: Circumstances,
): Promise<AddressResults<P>> {
  const [first = '', ...rest] = resolved.slice(0, maxAddresses)
  const surplus = resolved.length > maxAddresses ? [undialled<P>(null, tooManyAddresses)] : []
  const { egress } = circumstances.world
  const probeOne = async (address: string) => {
    const endpoint = { host: check.host, address, port: check.port }
    const isAllowed = egress.permits(address, check.port)
    if (isAllowed && (await cannotReach(endpoint, resolved))) return undialled<P>(address, ipFamilyMissing)
    return probeAddress(check, endpoint, circumstances)
  }
  if (!usesCredential(check.options)) {
    const all = await Promise.all([probeOne(first), ...rest.map(probeOne)])
    return [...all, ...surplus]
  }
  // One after the other, so that a refusal at the first stops the next.
  const addressResults: AddressResults<P> = [await probeOne(first)]
  for (const address of rest) addressResults.push(await probeOne(address))
  return [...addressResults, ...surplus]
}

/** Whether the host has another family, which is the only one that this vantage has (RFC 6724 section 5, rule 1). */
const cannotReach = async ({ address, port }: Endpoint, all: readonly string[]): Promise<boolean> =>
  lacksFamilyOf(address) &&
  all.some((other) => familyOf(other) !== familyOf(address)) &&
  (await findRouteError(address, port)) !== undefined

const ipFamilyMissing: Outcome = { state: 'unknown', reason: 'ip-family-missing' }
const noAddressOfFamily: Outcome = { state: 'unresolved', reason: 'no-address-of-family' }
/** Of the addresses that are not probed: nothing is known of them. */
const tooManyAddresses: Outcome = { state: 'unknown', reason: 'response-too-large' }
