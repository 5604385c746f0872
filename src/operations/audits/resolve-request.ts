import { RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import { describeHost, isHost } from '../../domain/findings/endpoint.ts'
import { resolveParameters } from '../../domain/policy/parameters.ts'
import { pointerTo } from '../../encoding/json-pointer.ts'
import type { AuditSelection, FoundSelection, PlanningSnapshot } from '../../store/audits/planning-snapshot.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { TargetInput } from '../../store/inventory/targets.ts'
import type { Selection } from '../../store/query/selection.ts'
import { saveTargets } from '../targets/save.ts'

/** What a caller asks for. `targets`: names, targets to create or update, or a label selector. */
export interface AuditRequest {
  /** `name` for the newest version, `name@3` for that one. */
  policy: string
  targets: (string | TargetInput)[] | { labels: Record<string, string> }
  params?: Record<string, unknown>
  vantages?: string[]
  correlationId?: string
  reason?: string
  callbackUrl?: string
  /** After how many seconds it ends at the latest; default: an hour. */
  deadlineSeconds?: number
}

/** What an audit is asked to look at, and what its caller has under way. `targets`: in the order of the request. */
export type ResolvedRequest = PlanningSnapshot & { checksInFlight: number }

/** Checks what an audit is asked to do; throws RefusedError with every mistake. Targets that are given whole are saved. */
export async function checkRequest(
  stores: Stores,
  request: AuditRequest,
  requestedBy = 'system',
): Promise<ResolvedRequest> {
  const [asked] = await checkRequests(stores, [{ request, requestedBy }])
  if (!asked) throw new Error('a request was not checked')
  return asked
}

/** The same for several at once; throws for the first that is refused. */
export async function checkRequests(
  stores: Stores,
  asking: readonly { request: AuditRequest; requestedBy: string }[],
): Promise<ResolvedRequest[]> {
  const requests: AuditSelection[] = []
  for (const { request, requestedBy } of asking) {
    const [name = '', version] = request.policy.split('@')
    const policy = { name, version: version === undefined ? undefined : Number(version) }
    const targets = Array.isArray(request.targets)
      ? await saveInline(stores, request.targets, requestedBy)
      : request.targets
    requests.push({ policy, targets, requestedBy })
  }
  const found = await stores.snapshot.forRequests(requests)
  return found.map((one, i) => checkSelection(asking[i]?.request as AuditRequest, one))
}

function checkSelection(request: AuditRequest, { policy, ...found }: FoundSelection): ResolvedRequest {
  if (!policy)
    throw new RefusedError([
      { pointer: '/policy', message: `there is no policy ${request.policy}: GET /v1/policies lists them` },
    ])
  const { targets, vantages } = found
  checkFound(Array.isArray(request.targets) ? namesOf(request.targets) : request.targets, targets)

  const issues: ValidationIssue[] = []
  const known = new Set(vantages.map((vantage) => vantage.name))
  request.vantages?.forEach((vantage, i) => {
    if (!known.has(vantage)) issues.push({ pointer: `/vantages/${i}`, message: `there is no vantage ${vantage}` })
  })
  const told = new Set<string>()
  for (const [i, target] of targets.entries()) {
    const resolved = resolveParameters(policy.document, { audit: request.params ?? {}, target: target.params })
    for (const { layer, parameter, message } of 'errors' in resolved ? resolved.errors : []) {
      if (layer === 'target') {
        const pointer = placeOfTarget(request.targets, i)
        issues.push({ pointer, message: `target ${target.name}: ${parameter} ${message}` })
      } else if (told.size < told.add(parameter).size) {
        issues.push({ pointer: pointerTo(['params', parameter]), message })
      }
    }
  }
  if (issues.length > 0) throw new RefusedError(issues)
  return { ...found, policy }
}

// What is wrong with a target may be stored with it, and not said in the request: the target is named, not its field.
const placeOfTarget = (selection: AuditRequest['targets'], index: number) =>
  Array.isArray(selection) ? `/targets/${index}` : '/targets/labels'

const namesOf = (listed: readonly (string | TargetInput)[]) =>
  listed.map((target) => (typeof target === 'string' ? target : target.name))

/** Checks the targets that are listed, saves those that are given whole, and answers the names of all. */
async function saveInline(
  stores: Stores,
  listed: readonly (string | TargetInput)[],
  requestedBy: string,
): Promise<string[]> {
  const names = namesOf(listed)
  const seen = new Set<string>()
  const issues = listed.flatMap((target, i): ValidationIssue[] => {
    if (seen.size === seen.add(names[i] ?? '').size)
      return [{ pointer: `/targets/${i}`, message: `target ${names[i]} is named twice` }]
    const wrong = typeof target !== 'string' && !isHost(target.address)
    return wrong ? [{ pointer: `/targets/${i}/address`, message: `must be ${describeHost}` }] : []
  })
  if (issues.length > 0) throw new RefusedError(issues)
  const inline = listed.filter((target) => typeof target !== 'string')
  if (inline.length > 0) await saveTargets(stores, inline, requestedBy)
  return names
}

/** Throws RefusedError where a selection names a target that was not found, or finds none. */
export function checkFound(selection: Selection, targets: readonly { name: string }[]): void {
  if (!Array.isArray(selection)) {
    if (targets.length > 0) return
    throw new RefusedError([{ pointer: '/targets/labels', message: 'no target has these labels' }])
  }
  const found = new Set(targets.map(({ name }) => name))
  const missing = selection.flatMap((name, i) =>
    found.has(name)
      ? []
      : [{ pointer: `/targets/${i}`, message: `there is no target ${name}: GET /v1/targets lists them` }],
  )
  if (missing.length > 0) throw new RefusedError(missing)
}
