import { results } from '../../domain/findings/judge.ts'
import { coverageOf, noCounts } from '../../domain/findings/verdict.ts'
import { type ControlStanding, controlsOf } from '../../domain/policy/controls.ts'
import { escapeXml } from '../../encoding/xml.ts'
import type { WrittenFile } from '../../encoding/zip.ts'
import { endOf, type ReportedAudit, type ReportedFinding, startOf, totalOf, waivedText } from '../formats/audit.ts'
import { style } from './style.ts'
import { rulesOf, type Tally } from './tally.ts'

/** A vantage as it was when the audit was planned. */
export interface PlannedVantage {
  name: string
  zones: readonly string[]
  kind: string
  /** Of the process that looked from there. */
  version: string | null
}

interface PageParts {
  audit: ReportedAudit
  vantages: readonly PlannedVantage[] | null
  tally: Tally
  /** Those that were written before the page. */
  files: readonly WrittenFile[]
}

/** The page of an evidence pack: HTML that needs nothing but itself, neither scripts nor anything from elsewhere. */
export function* renderPage({ audit, vantages, tally, files }: PageParts): Generator<string> {
  const title = `Audit of ${audit.policy.document.title}`
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeXml(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escapeXml(title)}</h1>
<p class="verdict">Verdict: ${word(audit.verdict ?? 'none')}</p>
<p>${escapeXml(sentence(audit))}</p>
</header>
<main>
`
  yield section('The audit', facts(audit))
  yield section('Results', resultsOf(audit))
  yield section('Findings that did not pass', openOf(tally))
  yield section('Rules', rulesTable(audit, tally))
  yield section('Controls', controlsTable(controlsOf(rulesOf(audit), [...tally.rules.values()])))
  yield section('Vantages', vantagesTable(vantages))
  yield section('Files', filesTable(files))
  yield '</main>\n</body>\n</html>\n'
}

const word = (text: string) => `<span class="word ${escapeXml(text)}">${escapeXml(text)}</span>`
const code = (text: string) => `<code>${escapeXml(text)}</code>`
const section = (title: string, content: string) => `<section>\n<h2>${escapeXml(title)}</h2>\n${content}\n</section>\n`

/** A table; the cells are HTML already, the first of each row is its head. */
function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = ([first = '', ...rest]: readonly string[]) =>
    `<tr><th scope="row">${first}</th>${rest.map((cell) => `<td>${cell}</td>`).join('')}</tr>\n`
  const heads = head.map((text) => `<th scope="col">${escapeXml(text)}</th>`).join('')
  return `<div class="wide"><table>\n<caption>${escapeXml(caption)}</caption>\n<thead><tr>${heads}</tr></thead>\n<tbody>\n${rows.map(line).join('')}</tbody>\n</table></div>`
}

function sentence({ counts }: ReportedAudit): string {
  const { checked, notchecked } = coverageOf(counts)
  const waived = counts.waived > 0 ? `, ${counts.waived} of them accepted by a waiver` : ''
  return `${counts.pass} of ${checked} findings that were looked at passed, ${counts.fail} failed${waived}; ${counts.unknown + counts.error} could not be told, ${notchecked} could not be looked at. What could not be told is neither a pass nor a failure.`
}

function facts(audit: ReportedAudit): string {
  const { policy } = audit
  const values: Record<string, string | null> = {
    Audit: audit.id,
    Status: audit.status,
    Error: audit.error,
    'Asked for by': audit.trigger,
    'Correlation id': audit.correlationId,
    Reason: audit.reason,
    Started: startOf(audit),
    Ended: endOf(audit),
    Policy: `${policy.name}, version ${policy.version}`,
    'SHA-256 of the policy': policy.digest,
    'Source of the policy': policy.document.source ?? null,
    'Written by': `Portwarden ${audit.toolVersion}`,
  }
  const items = Object.entries(values).flatMap(([name, value]) =>
    value === null ? [] : `<div><dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd></div>\n`,
  )
  return `<dl>\n${items.join('')}</dl>`
}

const resultsOf = (audit: ReportedAudit) =>
  table(
    `${totalOf(audit)} findings by result`,
    ['Result', 'Findings'],
    results.map((result) => [word(result), String(audit.counts[result])]),
  )

function openOf({ open, openInAll }: Tally): string {
  if (openInAll === 0) return '<p>There is none.</p>'
  const caption =
    open.length < openInAll
      ? `The first ${open.length} of ${openInAll}; findings.csv has all of them`
      : `${openInAll} of them, each with its reason`
  return table(caption, ['Target', 'Rule', 'Seen from', 'Result', 'State', 'Reason', 'Observed'], open.map(openRow))
}

const openRow = ({ target, rule, vantage, result, state, reason, observedAt, waiver }: ReportedFinding) => [
  escapeXml(target),
  code(rule),
  escapeXml(vantage),
  word(result),
  escapeXml(state),
  escapeXml([reason.message, ...(waiver ? [waivedText(waiver)] : [])].join(' ')),
  escapeXml(observedAt),
]

const rulesTable = (audit: ReportedAudit, { rules }: Tally) =>
  table(
    'Findings of each rule by result',
    ['Rule', 'Title', 'Severity', ...results],
    rulesOf(audit).map(({ rule, title, severity }) => {
      const counts = rules.get(rule)?.counts ?? noCounts
      return [code(rule), escapeXml(title), severity, ...results.map((result) => String(counts[result]))]
    }),
  )

function controlsTable(controls: readonly ControlStanding[]): string {
  if (controls.length === 0) return '<p>The policy names no control.</p>'
  const rows = controls.map(({ framework, control, title, verdict, rules, notTested }) => [
    escapeXml(`${framework} ${control}`),
    escapeXml(title ?? ''),
    word(verdict),
    rules.map(({ rule }) => code(rule)).join(', '),
    escapeXml(
      notTested
        .map(({ rule, why, count }) => (count === null ? `${rule}: not in this audit` : `${rule}: ${why} (${count})`))
        .join('; '),
    ),
  ])
  return table(
    'What the rules show of each control. A control asks for more than ports: a pass says that its rules passed, all that applies was tested, and no more',
    ['Control', 'Title', 'Verdict', 'Rules', 'Not proven'],
    rows,
  )
}

function vantagesTable(vantages: readonly PlannedVantage[] | null): string {
  if (vantages === null) return '<p>They were not kept with this audit; the findings name them.</p>'
  if (vantages.length === 0) return '<p>There was none when the audit was planned.</p>'
  const rows = vantages.map(({ name, zones, kind, version }) => [
    escapeXml(name),
    escapeXml(zones.join(', ')),
    escapeXml(kind),
    escapeXml(version ?? 'not known'),
  ])
  return table('As they were when the audit was planned', ['Name', 'Zones', 'Kind', 'Version'], rows)
}

const filesTable = (files: readonly WrittenFile[]) =>
  `${table(
    'Beside this page in the pack; manifest.json has the SHA-256 of this page too',
    ['File', 'Bytes', 'SHA-256'],
    files.map(({ name, bytes, sha256 }) => [
      `<a href="${escapeXml(name)}">${escapeXml(name)}</a>`,
      String(bytes),
      code(sha256),
    ]),
  )}\n<p><a href="manifest.json">manifest.json</a></p>`
