import type { Audit } from '../../domain/audits.ts'
import type { Finding } from '../../domain/findings/finding.ts'
import { type PolicyDocument, type Severity, severities } from '../../domain/policy/policy.ts'
import { pause } from '../../runtime/sleep.ts'
import type { DriftItem } from '../../store/history/drift.ts'
import { exitStatus, say, UsageError } from '../command.ts'
import { type Service, withService } from '../connection/api.ts'
import { checkOutput, writeOutput } from '../output.ts'
import { followAudit } from './follow.ts'
import type { AuditOptions } from './options.ts'
import type { Outcome, ShownFinding, TracedFinding } from './outcome.ts'
import { findPolicy, readParams, type StoredPolicy } from './policy.ts'
import { createProgress } from './progress.ts'
import { renderOutcome } from './table.ts'
import { readWanted, type Selection, selectTargets } from './targets.ts'

/** Audits once, or again and again; returns the exit status. */
export async function run(options: AuditOptions): Promise<number> {
  const wanted = await readWanted(options)
  if (options.output !== undefined) await checkOutput(options.output)
  using stopping = abortAtSignal()
  const { signal } = stopping
  const once = (service: Service) => auditOnce(service, { options, wanted }, signal)
  try {
    return await withService(options, { probe: true, signal }, async (service) => {
      let status = await once(service)
      while (options.watch !== undefined && !signal.aborted) {
        await pause(options.watch, signal)
        if (!signal.aborted) status = await once(service)
      }
      return signal.aborted ? signal.reason : status
    })
  } catch (error) {
    if (signal.aborted) return signal.reason
    throw error
  }
}

/** Aborts at the first signal, with the exit status as its reason; the second one ends the process. */
function abortAtSignal(): Disposable & { signal: AbortSignal } {
  const stopping = new AbortController()
  const atInterrupt = () => stopping.abort(exitStatus.interrupted)
  const atTerminate = () => stopping.abort(143)
  process.once('SIGINT', atInterrupt).once('SIGTERM', atTerminate)
  return {
    signal: stopping.signal,
    [Symbol.dispose]: () => void process.off('SIGINT', atInterrupt).off('SIGTERM', atTerminate),
  }
}

async function auditOnce(
  service: Service,
  { options, wanted }: { options: AuditOptions; wanted: Awaited<ReturnType<typeof readWanted>> },
  signal: AbortSignal,
): Promise<number> {
  const policy = await findPolicy(service, options.policy)
  const params = readParams(policy.document, options.param ?? [])
  await checkBaseline(service, options.baseline)
  const targets = await selectTargets(service, wanted)
  signal.throwIfAborted()
  const { id } = await service.json<Audit>('/v1/audits', {
    method: 'POST',
    body: {
      policy: `${policy.name}@${policy.version}`,
      targets,
      params,
      ...(options.vantage && { vantages: options.vantage }),
      ...(options.ticket !== undefined && { correlationId: options.ticket }),
    },
  })
  const audit = await waitForEnd(service, id, { signal, quiet: options.quiet })
  await service.awaitTraces(id)
  await print(service, audit, { options, policy, params, targets })
  return audit.status === 'completed' ? statusOf(service, audit, policy.document, options.failOn) : exitStatus.error
}

/** Before the audit, which would be in vain. */
async function checkBaseline(service: Service, name: string | undefined): Promise<void> {
  if (name === undefined || (await service.find(`/v1/baselines/${encodeURIComponent(name)}`))) return
  throw new UsageError(`there is no baseline ${name}`)
}

/** Waits for the end, and cancels the audit at a signal. */
async function waitForEnd(
  service: Service,
  id: string,
  { signal, quiet }: { signal: AbortSignal; quiet?: true | undefined },
): Promise<Audit> {
  const progress = createProgress()
  const aborted = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined)))
  const ended = followAudit(service, id, (audit) => {
    if (!quiet) progress.show(audit)
  })
  const audit = signal.aborted ? undefined : await Promise.race([ended, aborted])
  progress.clear()
  if (audit) return audit
  ended.catch(() => {}) // it ends with the service
  await service.call(`/v1/audits/${id}/cancel`, { method: 'POST' })
  console.error(`portwarden: the audit ${id} is canceled`)
  throw signal.reason
}

interface Order {
  options: AuditOptions
  policy: StoredPolicy
  params: Readonly<Record<string, unknown>>
  targets: Selection
}

async function print(service: Service, audit: Audit, order: Order): Promise<void> {
  const { format, output, quiet } = order.options
  if (quiet && output === undefined && format === 'table') return
  const text = (await render(service, audit, order)).trimEnd()
  if (output === undefined) return say(text)
  await writeOutput(output, `${text}\n`)
}

async function render(service: Service, audit: Audit, order: Order): Promise<string> {
  const { format } = order.options
  const path = `/v1/audits/${audit.id}`
  if (format === 'csv') return await (await service.call(`${path}/findings?format=csv`)).text()
  if (format !== 'table' && format !== 'json') return await (await service.call(`${path}?format=${format}`)).text()
  const outcome = await readOutcome(service, audit, order)
  if (format === 'table') return renderOutcome(outcome)
  const { audit: linked, findings, drift } = outcome
  return JSON.stringify({ audit: linked, findings, drift }, null, 2)
}

async function readOutcome(
  service: Service,
  audit: Audit,
  { options, policy, params, targets }: Order,
): Promise<Outcome> {
  const findings: ShownFinding[] = []
  for await (const finding of service.items<TracedFinding>(`/v1/audits/${audit.id}/findings?limit=1000`))
    findings.push({ ...finding, url: service.pages.finding(finding.fingerprint) })
  const names = Array.isArray(targets) ? new Set(targets) : undefined
  const drift = await findDrift(service, audit.id, options.baseline)
  return {
    audit: { ...audit, url: service.pages.audit(audit.id) },
    findings,
    drift: drift?.filter(({ target }) => names?.has(target) ?? true) ?? null,
    ...{ policy, params, sinceBaseline: options.baseline },
  }
}

async function findDrift(service: Service, id: string, baseline: string | undefined): Promise<DriftItem[] | null> {
  const from = baseline === undefined ? 'previous' : `baseline:${baseline}`
  const path = `/v1/reports/drift?from=${encodeURIComponent(from)}&to=audit:${id}&limit=1000`
  const items: DriftItem[] = []
  try {
    for await (const item of service.items<DriftItem>(path)) items.push(item)
    return items
  } catch (error) {
    if (baseline === undefined && error instanceof UsageError) return null // there is no previous audit
    throw error
  }
}

const byVerdict = { pass: exitStatus.pass, fail: exitStatus.fail, inconclusive: exitStatus.error } as const

/** The exit status of a completed audit; failures below `failOn` do not count. */
async function statusOf(
  service: Service,
  { id, verdict, counts }: Audit,
  { rules }: PolicyDocument,
  failOn: Severity | undefined,
): Promise<number> {
  if (failOn === undefined || verdict !== 'fail') return byVerdict[verdict ?? 'inconclusive']
  const counted = new Set(severities.slice(severities.indexOf(failOn)))
  const severe = new Set(rules.filter(({ severity }) => counted.has(severity)).map((rule) => rule.id))
  for await (const { rule, waiver } of service.items<Finding>(`/v1/audits/${id}/findings?result=fail&limit=1000`))
    if (severe.has(rule) && !waiver) return exitStatus.fail
  return counts.unknown + counts.error > 0 ? exitStatus.error : exitStatus.pass
}
