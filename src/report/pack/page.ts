import { escapeXml } from '../../encoding/xml.ts'
import type { WrittenFile } from '../../encoding/zip.ts'
import type { ReportedAudit } from '../formats/audit.ts'
import { closePage, code, section, table } from '../html/elements.ts'
import { auditSections, openAuditPage, openSections, ruleSections } from '../html/sections.ts'
import type { Tally } from '../html/tally.ts'

/** A vantage at planning time. */
export interface PlannedVantage {
  name: string
  zones: readonly string[]
  kind: string
  /** Version of its worker or agent. */
  version: string | null
}

interface PageParts {
  audit: ReportedAudit
  vantages: readonly PlannedVantage[] | null
  tally: Tally
  /** Written before the page. */
  files: readonly WrittenFile[]
}

/** The page of an evidence pack: self-contained HTML without scripts. */
export function* renderPage({ audit, vantages, tally, files }: PageParts): Generator<string> {
  yield openAuditPage(audit)
  yield auditSections(audit)
  yield openSections(audit, tally, 'findings.csv lists all of them')
  yield ruleSections(audit, tally)
  yield section('Vantages', vantagesTable(vantages))
  yield section('Files', filesTable(files))
  yield closePage
}

function vantagesTable(vantages: readonly PlannedVantage[] | null): string {
  if (vantages === null) return '<p>Not recorded for this audit; the findings name their vantages.</p>'
  if (vantages.length === 0) return '<p>None when the audit was planned.</p>'
  const rows = vantages.map(({ name, zones, kind, version }) => [
    escapeXml(name),
    escapeXml(zones.join(', ')),
    escapeXml(kind),
    escapeXml(version ?? 'unknown'),
  ])
  return table('State at planning time', ['Name', 'Zones', 'Kind', 'Version'], rows)
}

const filesTable = (files: readonly WrittenFile[]) =>
  `${table(
    'Other files in this pack; manifest.json also has the SHA-256 of this page',
    ['File', 'Bytes', 'SHA-256'],
    files.map(({ name, bytes, sha256 }) => [
      `<a href="${escapeXml(name)}">${escapeXml(name)}</a>`,
      String(bytes),
      code(sha256),
    ]),
  )}\n<p><a href="manifest.json">manifest.json</a></p>`
