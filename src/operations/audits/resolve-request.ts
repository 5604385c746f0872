import { RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import { describeHostFor, isHost } from '../../domain/findings/endpoint.ts'
import { type ParameterProblem, resolveParameters } from '../../domain/policy/parameters.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import { createLookup, type TargetReference, textOf } from '../../domain/targets.ts'
import { pointerTo } from '../../encoding/json-pointer.ts'
import { createPace } from '../../runtime/pace.ts'
import type { AuditSelection, FoundSelection, PlanningSnapshot } from '../../store/audits/planning-snapshot.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { StoredTarget, TargetInput } from '../../store/inventory/targets.ts'
import type { Selection } from '../../store/query/selection.ts'
import { saveTargets } from '../targets/save.ts'
import { issueOf } from '../targets/target.ts'

/** A request for an audit. `targets`: references, targets to create or update, or a label selector. */
export interface AuditRequest {
  /** `name` for the newest version, `name@3` for that one. */
  policy: string
  targets: (TargetReference | TargetInput)[] | { labels: Record<string, string> }
  params?: Record<string, unknown>
  vantages?: string[]
  correlationId?: string
  reason?: string
  callbackUrl?: string
  /** Default: an hour. */
  deadlineSeconds?: number
}

/** What a request refers to, with the running checks of its requester. `targets` keep the order of the request. */
export type ResolvedRequest = PlanningSnapshot & { checksInFlight: number }

/** Checks a request and saves its inline targets. Throws RefusedError with every issue. */
export async function checkRequest(
  stores: Stores,
  request: AuditRequest,
  requestedBy = 'system',
): Promise<ResolvedRequest> {
  const [resolved] = await checkRequests(stores, [{ request, requestedBy }])
  if (!resolved) throw new Error('a request was not checked')
  return resolved
}

/** Checks several requests; throws for the first that is refused. */
export async function checkRequests(
  stores: Stores,
  inputs: readonly { request: AuditRequest; requestedBy: string }[],
): Promise<ResolvedRequest[]> {
  const requests: AuditSelection[] = []
  for (const { request, requestedBy } of inputs) {
    const [name = '', version] = request.policy.split('@')
    const policy = { name, version: version === undefined ? undefined : Number(version) }
    const targets = Array.isArray(request.targets)
      ? await saveInline(stores, request.targets, requestedBy)
      : request.targets
    requests.push({ policy, targets, requestedBy })
  }
  const found = await stores.snapshot.forRequests(requests)
  const resolved: ResolvedRequest[] = []
  for (const [i, one] of found.entries()) resolved.push(await checkSelection(inputs[i]?.request as AuditRequest, one))
  return resolved
}

async function checkSelection(request: AuditRequest, { policy, ...found }: FoundSelection): Promise<ResolvedRequest> {
  if (!policy)
    throw new RefusedError([
      { pointer: '/policy', message: `there is no policy ${request.policy}: GET /v1/policies lists them` },
    ])
  const { targets, vantages } = found
  const listed = Array.isArray(request.targets) ? request.targets : undefined
  checkFound(listed?.map(referenceOf) ?? (request.targets as Selection), targets)
  if (listed) checkOnce(targets.map(({ name }) => name))

  const issues: ValidationIssue[] = []
  const known = new Set(vantages.map((vantage) => vantage.name))
  request.vantages?.forEach((vantage, i) => {
    if (!known.has(vantage)) issues.push({ pointer: `/vantages/${i}`, message: `there is no vantage ${vantage}` })
  })
  const reported = new Set<string>()
  const pause = createPace()
  const problemsOf = parameterChecker(policy.document, request.params ?? {})
  for (const [i, target] of targets.entries()) {
    await pause()
    for (const { layer, parameter, message } of problemsOf(target.params)) {
      if (layer === 'target') {
        const pointer = pointerToTarget(request.targets, i)
        issues.push({ pointer, message: `target ${target.name}: ${parameter} ${message}` })
      } else if (reported.size < reported.add(parameter).size) {
        issues.push({ pointer: pointerTo(['params', parameter]), message })
      }
    }
  }
  if (issues.length > 0) throw new RefusedError(issues)
  return { ...found, policy }
}

/** Checks the parameters once for all targets with the same ones: most have none of their own. */
function parameterChecker(document: PolicyDocument, audit: Record<string, unknown>) {
  const checked = new Map<string, readonly ParameterProblem[]>()
  return (target: Record<string, unknown>): readonly ParameterProblem[] => {
    const key = JSON.stringify(target)
    const known = checked.get(key)
    if (known) return known
    const resolved = resolveParameters(document, { audit, target })
    const problems = 'errors' in resolved ? resolved.errors : []
    checked.set(key, problems)
    return problems
  }
}

// An invalid parameter may be stored with the target, so the pointer leads to the target.
const pointerToTarget = (selection: AuditRequest['targets'], index: number) =>
  Array.isArray(selection) ? `/targets/${index}` : '/targets/labels'

const isInline = (target: TargetReference | TargetInput): target is TargetInput => Object.hasOwn(Object(target), 'name')

/** Of a target to save its name. */
const referenceOf = (target: TargetReference | TargetInput): TargetReference =>
  isInline(target) ? target.name : target

/** Checks the listed targets, saves the inline ones, and returns references to all. */
async function saveInline(
  stores: Stores,
  listed: readonly (TargetReference | TargetInput)[],
  requestedBy: string,
): Promise<TargetReference[]> {
  const references = listed.map(referenceOf)
  checkOnce(references.map(textOf))
  const issues = listed.flatMap((target, i): ValidationIssue[] => {
    if (!isInline(target) || isHost(target.address)) return []
    return [{ pointer: `/targets/${i}/address`, message: `must be ${describeHostFor(target.address)}` }]
  })
  if (issues.length > 0) throw new RefusedError(issues)
  const inline = listed.filter(isInline)
  if (inline.length > 0) await saveTargets(stores, inline, requestedBy)
  return references
}

/** Throws RefusedError where a list names a target twice; by its name and its external id, it is known only once it is found. */
function checkOnce(listed: readonly string[]): void {
  const seen = new Set<string>()
  const issues = listed.flatMap((name, i): ValidationIssue[] =>
    seen.size === seen.add(name).size ? [{ pointer: `/targets/${i}`, message: `target ${name} is listed twice` }] : [],
  )
  if (issues.length > 0) throw new RefusedError(issues)
}

/** Throws RefusedError where a selection finds none, or where a reference stands for no target or for several. */
export function checkFound(selection: Selection, targets: readonly Pick<StoredTarget, 'name' | 'externalId'>[]): void {
  if (!Array.isArray(selection)) {
    if (targets.length > 0) return
    throw new RefusedError([{ pointer: '/targets/labels', message: 'no target has these labels' }])
  }
  const found = createLookup(targets)
  const issues = selection.flatMap((reference, i): ValidationIssue[] => {
    const message = issueOf(reference, found(reference))
    return message === undefined ? [] : [{ pointer: `/targets/${i}`, message }]
  })
  if (issues.length > 0) throw new RefusedError(issues)
}
