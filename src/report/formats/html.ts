import { closePage, closeTable, lines, openTable } from '../html/elements.ts'
import { auditSections, findingHeads, openAuditPage, openSections, rowOf, ruleSections } from '../html/sections.ts'
import { counted, newTally } from '../html/tally.ts'
import { type Rendering, totalOf } from './audit.ts'

/** One page for people: HTML that loads nothing, runs nothing, and prints. Reads the findings twice. */
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
  yield `${closeTable}\n</section>\n${closePage}`
}
