import { digest } from '../domain/canonical.ts'
import { isHost } from '../domain/endpoint.ts'
import { type Mistake, RefusedError } from '../domain/errors.ts'
import { resolveParameters } from '../domain/parameters.ts'
import type { Basis, PlannedTarget } from '../store/basis.ts'
import type { Stores } from '../store/stores.ts'
import type { TargetInput } from '../store/targets.ts'
import type { AuditRequest } from './accept.ts'

/** What an audit is asked to look at, and what its caller has under way. `targets`: in the order of the request. */
export type Asked = Basis & { checksInFlight: number }

/** Checks what an audit is asked to do; throws RefusedError with every mistake. Targets that are given whole are saved. */
export async function checkRequest(stores: Stores, request: AuditRequest, requestedBy = 'system'): Promise<Asked> {
  const [name = '', version] = request.policy.split('@')
  const named = Array.isArray(request.targets) ? checkTargets(request.targets) : undefined
  if (named && named.inline.length > 0) await saveTargets(stores, named.inline, requestedBy)
  const asked = await stores.basis.asked({
    policy: { name, version: version === undefined ? undefined : Number(version) },
    targets: named?.names ?? (request.targets as { labels: Record<string, string> }),
    requestedBy,
  })
  const { policy, vantages } = asked
  if (!policy)
    throw new RefusedError([
      { pointer: '/policy', message: `there is no policy ${request.policy}: GET /v1/policies lists them` },
    ])
  const targets = named ? inOrder(named.names, asked.targets) : asked.targets
  if (targets.length === 0)
    throw new RefusedError([{ pointer: '/targets/labels', message: 'no target has these labels' }])

  const mistakes: Mistake[] = []
  const known = new Set(vantages.map((vantage) => vantage.name))
  request.vantages?.forEach((vantage, i) => {
    if (!known.has(vantage)) mistakes.push({ pointer: `/vantages/${i}`, message: `there is no vantage ${vantage}` })
  })
  const told = new Set<string>()
  for (const [i, target] of targets.entries()) {
    const resolved = resolveParameters(policy.document, { audit: request.params ?? {}, target: target.params })
    for (const { layer, parameter, message } of 'errors' in resolved ? resolved.errors : []) {
      if (layer === 'target') {
        const pointer = placeOfTarget(request.targets, i)
        mistakes.push({ pointer, message: `target ${target.name}: ${parameter} ${message}` })
      } else if (told.size < told.add(parameter).size) {
        mistakes.push({ pointer: `/params/${escapePointer(parameter)}`, message })
      }
    }
  }
  if (mistakes.length > 0) throw new RefusedError(mistakes)
  return { ...asked, policy, targets }
}

// What is wrong with a target may be stored with it, and not said in the request: the target is named, not its field.
const placeOfTarget = (selection: AuditRequest['targets'], index: number) =>
  Array.isArray(selection) ? `/targets/${index}` : '/targets/labels'

const escapePointer = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1')

/** The names of targets that are listed, and those that are given whole. */
function checkTargets(listed: (string | TargetInput)[]): { names: string[]; inline: TargetInput[] } {
  const names = listed.map((target) => (typeof target === 'string' ? target : target.name))
  const seen = new Set<string>()
  const mistakes = listed.flatMap((target, i): Mistake[] => {
    if (seen.size === seen.add(names[i] ?? '').size)
      return [{ pointer: `/targets/${i}`, message: `target ${names[i]} is named twice` }]
    const wrong = typeof target !== 'string' && !isHost(target.address)
    return wrong ? [{ pointer: `/targets/${i}/address`, message: 'must be an IP address or a host name' }] : []
  })
  if (mistakes.length > 0) throw new RefusedError(mistakes)
  return { names, inline: listed.filter((target) => typeof target !== 'string') }
}

function inOrder(names: readonly string[], targets: readonly PlannedTarget[]): PlannedTarget[] {
  const found = new Map(targets.map((target) => [target.name, target]))
  const missing = names.flatMap((name, i) =>
    found.has(name) ? [] : [{ pointer: `/targets/${i}`, message: `there is no target ${name}` }],
  )
  if (missing.length > 0) throw new RefusedError(missing)
  return names.flatMap((name) => found.get(name) ?? [])
}

/** Saves targets and tells the ledger, in one entry, which of them changed. */
async function saveTargets(stores: Stores, targets: readonly TargetInput[], actor: string): Promise<void> {
  const names = new Set(await stores.targets.save(targets))
  if (names.size === 0) return
  const changed = targets.filter(({ name }) => names.has(name))
  const payload = { count: changed.length, digest: digest(changed), targets: changed.slice(0, shownTargets) }
  stores.ledger.record({ actor, action: 'targets.save', subject: 'targets', payload })
}

/** Of how many targets an entry of the ledger shows what they are; its digest is over all. */
const shownTargets = 20
