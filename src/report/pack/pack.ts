import { canonicalJson } from '../../encoding/canonical-json.ts'
import { csvHead, csvLines, ndjsonLines } from '../../encoding/csv.ts'
import { renderZip, type WrittenFile, type ZipEntry } from '../../encoding/zip.ts'
import type { Findings, ReportedAudit } from '../formats/audit.ts'
import { counted, newTally } from '../html/tally.ts'
import { findingColumns } from '../listings/columns.ts'
import { type PlannedVantage, renderPage } from './page.ts'

export interface PackParts {
  audit: ReportedAudit
  findings: Findings
  /** Null for audits planned before vantages were recorded. */
  vantages: readonly PlannedVantage[] | null
  /** Additional JSON files by name. */
  more?: Readonly<Record<string, unknown>>
}

/**
 * Streams the evidence of an audit as a zip: findings, policy, vantages, versions, an HTML page, and a manifest of SHA-256
 * hashes. Deterministic; reads the findings twice.
 */
export function renderPack(parts: PackParts): AsyncGenerator<Uint8Array> {
  const written: WrittenFile[] = []
  return renderZip(entriesOf(parts, written), (file) => written.push(file))
}

async function* entriesOf(
  { audit, findings, vantages, more = {} }: PackParts,
  written: readonly WrittenFile[],
): AsyncGenerator<ZipEntry> {
  const { policy, toolVersion, pages: urls, regionOf: _, ...rest } = audit
  const { document, ...version } = policy
  yield json('audit.json', { ...rest, policy: version, url: urls.audit(audit.id) })
  // Canonical JSON, whose SHA-256 is the policy digest.
  yield { name: 'policy.json', content: [canonicalJson(document)] }
  yield json('vantages.json', { asOf: 'planning', vantages })
  yield json('tool.json', { name: 'Portwarden', version: toolVersion })
  for (const [name, value] of Object.entries(more)) yield json(name, value)
  const tally = newTally()
  const pages = () => counted(tally, policy.name, findings())
  yield { name: 'findings.ndjson', content: map(pages(), ndjsonLines) }
  yield { name: 'findings.csv', content: csvOf(findings()) }
  yield { name: 'index.html', content: renderPage({ audit, vantages, tally, files: written }) }
  yield json('manifest.json', { audit: audit.id, tool: { name: 'Portwarden', version: toolVersion }, files: written })
}

const json = (name: string, value: unknown): ZipEntry => ({ name, content: [`${JSON.stringify(value, null, 2)}\n`] })

async function* csvOf(pages: ReturnType<Findings>) {
  yield csvHead(findingColumns)
  yield* map(pages, (page) => csvLines(findingColumns, page))
}

async function* map<T>(items: AsyncIterable<T>, toText: (item: T) => string): AsyncGenerator<string> {
  for await (const item of items) yield toText(item)
}
