import { canonicalJson } from '../../encoding/canonical-json.ts'
import { escapeXml } from '../../encoding/xml.ts'
import { closePage, closeTable, code, lines, openTable } from '../html/elements.ts'
import { auditSections, findingHeads, openAuditPage, openSections, rowOf, ruleSections } from '../html/sections.ts'
import { counted, newTally } from '../html/tally.ts'
import { type Rendering, type ReportedFinding, totalOf } from './audit.ts'

/** One page for people: HTML that loads nothing, runs nothing, and prints. Reads the findings three times. */
export const renderHtml: Rendering = async function* (audit, findings) {
  const tally = newTally()
  for await (const _ of counted(tally, audit.policy.name, findings()));
  yield openAuditPage(audit)
  yield auditSections(audit)
  yield openSections(audit, tally, 'the table of all findings follows')
  yield ruleSections(audit, tally)
  yield `<section>\n<h2>All findings</h2>\n${openTable(`${totalOf(audit)} findings`, findingHeads)}`
  for await (const page of findings())
    yield lines(page.map((finding) => rowOf(finding, audit.pages.finding(finding.fingerprint))))
  yield `${closeTable}\n</section>\n<section>\n<h2>Evidence</h2>\n${openTable('The facts that were observed', ['Target', 'Rule', 'Vantage', 'Facts'])}`
  for await (const page of findings()) yield lines(page.flatMap(evidenceRow))
  yield `${closeTable}\n</section>\n${closePage}`
}

const evidenceRow = ({ target, rule, vantage, evidence }: ReportedFinding): string[][] =>
  evidence ? [[escapeXml(target), code(rule), escapeXml(vantage), code(canonicalJson(evidence))]] : []
