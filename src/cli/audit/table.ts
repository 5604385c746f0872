import { styleText } from 'node:util'
import { coverageOf } from '../../domain/findings/verdict.ts'
import { createExpectations } from '../../domain/policy/expected.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import { portText } from '../../domain/policy/port-text.ts'
import { certificateDays } from '../../report/formats/audit.ts'
import type { DriftItem } from '../../store/history/drift.ts'
import { renderTable } from '../table.ts'
import type { Outcome, ShownFinding } from './outcome.ts'

const colours = {
  pass: 'green',
  fail: 'red',
  unknown: 'yellow',
  error: 'yellow',
  notchecked: 'gray',
  notapplicable: 'gray',
} as const

/** Colours for a terminal that takes them; https://no-color.org. */
const paint = (style: (typeof colours)[keyof typeof colours] | 'bold', text: string) =>
  styleText(style, text, { stream: process.stdout })

/** What a person reads: the findings, a sentence for each that does not pass, the summary, and the drift. */
export function renderOutcome({ audit, findings, drift, policy, params, sinceBaseline }: Outcome): string {
  const expected = createExpectations(policy.document)
  const statesOf = ({ rule, window }: ShownFinding) => {
    const { expect } =
      expected(rule, { address: '', params: {}, auditParams: params, windowOpen: window !== null }) ?? {}
    return expect ? [expect.state ?? (expect.onlyOpen ? ['closed', 'filtered'] : 'open')].flat().join(', ') : ''
  }
  const shown = findings.filter(({ result }) => result !== 'notapplicable')
  const rows = shown.map((finding) => [
    finding.target,
    finding.rule,
    finding.vantage,
    resultOf(finding),
    statesOf(finding),
    seenOf(finding),
  ])
  const table = renderTable(['TARGET', 'RULE', 'VANTAGE', 'RESULT', 'EXPECTED', 'SEEN'], rows, (text, column, row) => {
    const result = shown[row]?.result
    return column === 3 && result ? paint(colours[result], text) : text
  })
  const parts = [table, failures(findings, policy.document), notKnown(findings), summary(audit, findings)]
  return [...parts, drift && renderDrift(drift, sinceBaseline), renderPaths(findings)]
    .filter((part) => part)
    .join('\n\n')
}

const resultOf = ({ result, indirect, waiver }: ShownFinding) =>
  result + (waiver ? ' (waived)' : '') + (indirect ? ' (indirect)' : '')

/** The port with its state, and the days that the certificate is valid for. */
function seenOf(finding: ShownFinding): string {
  const { state, evidence } = finding
  if (!evidence) return ''
  const days = certificateDays(finding)
  return `${portText(evidence)} ${state}${days === undefined ? '' : `, certificate valid for ${days} days`}`
}

/** One sentence for each failure, with what a person can do. */
function failures(findings: readonly ShownFinding[], { rules }: PolicyDocument): string {
  const failed = findings.filter(({ result, waiver }) => result === 'fail' && !waiver)
  const texts = failed.map(({ target, rule, vantage, reason }) => {
    const { title, severity, remediation } = rules.find(({ id }) => id === rule) ?? {}
    const head = `${paint('red', '✗')} ${paint('bold', `${target}: ${title}`)} (${severity}, from ${vantage})`
    return [head, `  ${reason.message}`, ...(remediation ? [`  Fix: ${remediation.trim()}`] : [])].join('\n')
  })
  return texts.join('\n')
}

/** Why findings are not known, with those that share a reason in one sentence. */
function notKnown(findings: readonly ShownFinding[]): string {
  const open = findings.filter(({ result }) => result === 'unknown' || result === 'error')
  const byReason = Map.groupBy(open, ({ rule, vantage, reason }) => JSON.stringify([rule, vantage, reason.message]))
  const texts = [...byReason.values()].map((alike) => {
    const [{ rule, vantage, reason, target }] = alike as [ShownFinding]
    const who = alike.length === 1 ? target : `${alike.length} targets`
    return `${paint('yellow', '?')} ${paint('bold', `${who}: ${rule}`)} (from ${vantage})\n  ${reason.message}`
  })
  return texts.join('\n')
}

function summary(
  { verdict, counts, policy, id, url, error }: Outcome['audit'],
  findings: readonly ShownFinding[],
): string {
  const { checked, notchecked } = coverageOf(counts)
  const { pass, fail, unknown, error: errors, notapplicable } = counts
  const style = verdict === 'pass' ? 'green' : verdict === 'fail' ? 'red' : 'yellow'
  const lines = [
    `${sentence(findings)}`,
    `verdict: ${paint(style, verdict ?? 'none')}  (${pass} pass, ${fail} fail, ${unknown} unknown, ${errors} error; ${checked} checked, ${notchecked} not checked, ${notapplicable} not applicable)`,
    `policy:  ${policy.name} version ${policy.version}, audit ${id}`,
  ]
  return [...lines, ...(url ? [`page:    ${url}`] : []), ...(error ? [`error:   ${error}`] : [])].join('\n')
}

/** How many rules fail, and how many could not be checked for want of a vantage. */
function sentence(findings: readonly ShownFinding[]): string {
  const rulesWith = (is: (finding: ShownFinding) => boolean) => new Set(findings.filter(is).map(({ rule }) => rule))
  const applicable = rulesWith(({ result }) => result !== 'notapplicable')
  const failing = rulesWith(({ result, waiver }) => result === 'fail' && !waiver)
  const zones = new Set(
    findings.flatMap(({ result, vantage }) =>
      result === 'notchecked' && vantage.startsWith('zone:') ? [vantage.slice(5)] : [],
    ),
  )
  const without = rulesWith(({ result, vantage }) => result === 'notchecked' && vantage.startsWith('zone:'))
  const failed = `${failing.size} of ${applicable.size} rules ${failing.size === 1 ? 'fails' : 'fail'}`
  if (without.size === 0) return `${failed}.`
  return `${failed}; ${without.size} could not be checked in full, because no vantage is in the zone${zones.size > 1 ? 's' : ''} ${[...zones].join(', ')}.`
}

/** Where newly blocked ports are blocked. */
function renderPaths(findings: readonly ShownFinding[]): string {
  const traced = new Map(findings.flatMap((finding) => (finding.trace ? [[finding.trace.id, finding] as const] : [])))
  if (traced.size === 0) return ''
  const rows = Array.from(traced.values(), ({ target, evidence, vantage, trace }) => [
    target,
    String(evidence?.port),
    vantage,
    trace?.summary ?? '',
  ])
  return `Paths to newly blocked ports:\n${renderTable(['TARGET', 'PORT', 'VANTAGE', 'PATH'], rows)}`
}

function renderDrift(drift: readonly DriftItem[], baseline: string | undefined): string {
  const since = baseline === undefined ? 'the last audit' : `the baseline ${baseline}`
  if (drift.length === 0) return `Nothing has drifted since ${since}.`
  const show = (side: DriftItem['before']) => (side ? `${side.result} (${side.state})` : '-')
  const rows = drift.map((d) => [d.class, d.target, d.rule, d.vantage, show(d.before), show(d.after)])
  return `Drift since ${since}:\n${renderTable(['CLASS', 'TARGET', 'RULE', 'VANTAGE', 'BEFORE', 'AFTER'], rows)}`
}
