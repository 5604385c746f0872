import { parseArgs } from 'node:util'
import { type App, startApp } from '../app/app.ts'
import { openLog } from '../app/log.ts'
import { readConfig } from '../config/index.ts'
import type { Audit } from '../domain/audits.ts'
import { isHost } from '../domain/findings/endpoint.ts'
import type { Finding } from '../domain/findings/finding.ts'
import { coverageOf } from '../domain/findings/verdict.ts'
import { parseParameterValue } from '../domain/policy/parameters.ts'
import type { ParameterValue, PolicyDocument } from '../domain/policy/policy.ts'
import { isAbsent } from '../domain/vantages/presence.ts'
import { acceptAudit } from '../operations/audits/accept.ts'
import { awaitTraces } from '../operations/traces/await-traces.ts'
import { type ShownTrace, withTraces } from '../operations/traces/of-findings.ts'
import type { DriftItem } from '../store/history/drift.ts'
import { eachPage } from '../store/query/cursor-page.ts'
import { runCommand, say, UsageError } from './command.ts'
import { renderTable } from './table.ts'

const usage = `usage: npm run audit -- HOST [HOST…] [--policy NAME] [--param key=value]… [--json]

Audits hosts against a policy (default: netwrix-endpoint-protector) and stores the result.
Exit status: 0 pass, 1 fail, 2 inconclusive or an error.`

interface Request {
  hosts: string[]
  policy: string
  params: string[]
  json: boolean
}

/** With its page in the console, where PORTWARDEN_PUBLIC_URL is set. */
type Linked<T> = T & { url: string | null }

interface Outcome {
  audit: Linked<Audit>
  findings: Linked<Finding & { trace?: ShownTrace }>[]
  /** Drift since the previous audit; null for the first. */
  drift: DriftItem[] | null
}

function readRequest(argv: string[]): Request | 'help' {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      policy: { type: 'string', default: 'netwrix-endpoint-protector' },
      param: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  if (positionals.length === 0) throw new UsageError('name at least one host')
  const wrong = positionals.find((host) => !isHost(host))
  if (wrong !== undefined) throw new UsageError(`${wrong} is neither an IP address nor a host name`)
  return { hosts: [...new Set(positionals)], policy: values.policy, params: values.param, json: values.json }
}

function readParams(document: PolicyDocument, texts: string[]): Record<string, ParameterValue> {
  return Object.fromEntries(
    texts.map((text) => {
      const [name = '', value] = [
        text.split('=', 1)[0],
        text.includes('=') ? text.slice(text.indexOf('=') + 1) : undefined,
      ]
      const parameter = document.parameters?.[name]
      const known = Object.keys(document.parameters ?? {}).join(', ')
      if (!parameter || value === undefined)
        throw new UsageError(`--param ${text}: write key=value; the keys of this policy are ${known}`)
      const parsed = parseParameterValue(parameter, value)
      if ('error' in parsed) throw new UsageError(`--param ${name}: ${parsed.error}`)
      return [name, parsed.value]
    }),
  )
}

/** A trace of a silent port takes some six seconds, and two run at the same time. */
const tracesLimitMs = 30_000

async function audit(
  app: App,
  { hosts, policy, params }: Request,
  { traces, onProgress }: { traces: boolean; onProgress: (audit: Audit) => void },
): Promise<Outcome> {
  const stored = await app.stores.policies.find(policy)
  if (!stored) throw new UsageError(`there is no policy ${policy}`)
  const targets = hosts.map((host) => ({ name: host, address: host }))
  const request = { policy, targets, params: readParams(stored.document, params) }
  const { auditId } = await acceptAudit(app, request, { trigger: 'cli', requestedBy: 'cli' })
  const ended = await waitForEnd(app, auditId, onProgress)
  if (traces) await awaitTraces({ ...app, waitForEnd: app.notifications.waitForEnd }, auditId, tracesLimitMs)
  const findings: Outcome['findings'] = []
  for await (const items of app.stores.findings.each(auditId))
    for (const item of await withTraces(app.stores, auditId, items))
      findings.push({ ...item, url: app.pages.finding(item.fingerprint) })
  const linked = { ...ended, url: app.pages.audit(auditId) }
  return { audit: linked, findings, drift: await findDrift(app, auditId, hosts) }
}

/** Drift since the previous audit; null for the first. */
async function findDrift({ stores }: App, auditId: string, hosts: readonly string[]): Promise<DriftItem[] | null> {
  const previous = await stores.audits.findPrevious(auditId)
  const from = previous === undefined ? undefined : await stores.drift.pointInTimeOf(previous)
  const to = await stores.drift.pointInTimeOf(auditId)
  if (!from || !to) return null
  const drift = await stores.drift.compare(from.point, to.point)
  const items: DriftItem[] = []
  for await (const page of eachPage(drift.page)) items.push(...page)
  return items.filter((item) => hosts.includes(item.target))
}

async function waitForEnd(app: App, auditId: string, onProgress: (audit: Audit) => void): Promise<Audit> {
  const reportAbsent = absenceReporter(app)
  for (;;) {
    const ended = app.notifications.waitForEnd(auditId, 500)
    const now = await app.stores.audits.find(auditId)
    if (!now) throw new Error(`audit ${auditId} was deleted`)
    onProgress(now)
    if (now.finishedAt !== null) return now
    await reportAbsent(now)
    await ended
  }
}

/** Says once for each absent vantage that the audit waits for it, and how long. */
function absenceReporter({ stores, now, vantageWaitMs }: App): (audit: Audit) => Promise<void> {
  const reported = new Set<string>()
  return async ({ id, startedAt, deadlineAt }) => {
    for (const { vantage, kind, lastSeenAt } of await stores.batches.open(id)) {
      if (reported.has(vantage) || !isAbsent({ kind, lastSeenAt }, now()) || startedAt === null) continue
      reported.add(vantage)
      const wasAway = lastSeenAt === null || lastSeenAt < new Date(startedAt)
      const until = wasAway ? Date.parse(startedAt) + vantageWaitMs : Date.parse(deadlineAt ?? startedAt)
      const seconds = Math.max(0, Math.ceil((until - now().getTime()) / 1000))
      const seen = lastSeenAt ? `was last seen ${lastSeenAt.toISOString()}` : 'was never seen'
      process.stderr.write(
        `${clearLine()}waiting up to ${seconds} s for the vantage ${vantage}, which ${seen}; then its checks are not checked\n`,
      )
    }
  }
}

const clearLine = () => (process.stderr.isTTY ? '\r\x1b[K' : '')

const showProgress = ({ progress }: Audit) => {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${progress.done} of ${progress.total} checks`)
}

function print({ audit: ended, findings, drift }: Outcome): void {
  process.stderr.write(clearLine())
  const rows = findings.map((f) => [
    f.target,
    f.rule,
    f.vantage,
    f.result + (f.indirect ? ' (indirect)' : ''),
    f.state,
    f.reason.message,
  ])
  say(renderTable(['TARGET', 'RULE', 'VANTAGE', 'RESULT', 'STATE', 'REASON'], rows))
  const { checked, notchecked } = coverageOf(ended.counts)
  const { pass, fail, unknown, error } = ended.counts
  say(
    `\nverdict: ${ended.verdict}  (${pass} pass, ${fail} fail, ${unknown} unknown, ${error} error; ${checked} checked, ${notchecked} not checked)`,
  )
  say(`policy:  ${ended.policy.name} version ${ended.policy.version}, audit ${ended.id}`)
  if (ended.url) say(`page:    ${ended.url}`)
  if (ended.error) say(`error:   ${ended.error}`)
  if (drift) printDrift(drift)
  printTraces(findings)
}

function printTraces(findings: Outcome['findings']): void {
  const traced = new Map(findings.flatMap((f) => (f.trace ? [[f.trace.id, f] as const] : [])))
  if (traced.size === 0) return
  const rows = Array.from(traced.values(), (f) => [
    f.target,
    String(f.evidence?.port),
    f.vantage,
    f.trace?.summary ?? '',
  ])
  say(`\nPaths to newly blocked ports:\n${renderTable(['TARGET', 'PORT', 'VANTAGE', 'PATH'], rows)}`)
}

function printDrift(drift: readonly DriftItem[]): void {
  if (drift.length === 0) {
    say('\nNothing has drifted since the last audit.')
    return
  }
  const show = (side: DriftItem['before']) => (side ? `${side.result} (${side.state})` : '-')
  const rows = drift.map((d) => [d.class, d.target, d.rule, d.vantage, show(d.before), show(d.after)])
  say(`\nDrift since the last audit:\n${renderTable(['CLASS', 'TARGET', 'RULE', 'VANTAGE', 'BEFORE', 'AFTER'], rows)}`)
}

const exitCodes = { pass: 0, fail: 1, inconclusive: 2 } as const

/** Aborts at the first signal, with the exit status as its reason; the second one ends the process. */
function abortAtSignal(): AbortSignal {
  const stopping = new AbortController()
  process.once('SIGINT', () => stopping.abort(130))
  process.once('SIGTERM', () => stopping.abort(143))
  return stopping.signal
}

async function run(request: Request): Promise<number> {
  const log = openLog(process.env.PORTWARDEN_LOG_LEVEL ?? 'warn')
  const signal = abortAtSignal()
  const aborted = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined)))
  const config = readConfig(process.env)
  const app = await startApp(config, { exclusive: false, log, signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  if (!app) return signal.reason
  try {
    await app.work()
    // The embedded database would outlive a process that a signal ends.
    const options = { traces: config.traceChanges, onProgress: showProgress }
    const outcome = await Promise.race([audit(app, request, options), aborted])
    if (!outcome) return signal.reason
    if (request.json) say(JSON.stringify(outcome, null, 2))
    else print(outcome)
    return outcome.audit.status === 'completed' ? exitCodes[outcome.audit.verdict ?? 'inconclusive'] : 2
  } finally {
    await app.close()
  }
}

await runCommand(usage, readRequest, run)
