import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { getSystemErrorMessage } from 'node:util'
import type { UnreadableError } from '../../api/routes/targets/import/body.ts'
import { readCsv } from '../../api/routes/targets/import/csv.ts'
import { readNdjson } from '../../api/routes/targets/import/ndjson.ts'
import { readNmap } from '../../api/routes/targets/import/nmap.ts'
import { sift } from '../../api/routes/targets/import/rows.ts'
import { describeReference, readReference, textOf } from '../../domain/targets.ts'
import { UsageError } from '../command.ts'
import type { Service } from '../connection/api.ts'
import { expandHosts } from './hosts.ts'
import type { AuditOptions } from './options.ts'

/** What `POST /v1/audits` takes. */
export type Selection = string[] | { labels: Record<string, string> }

interface Row {
  name: string
  address?: string
}
type Wanted = Row | { externalId: string }

/** What the arguments select: stored targets by labels, or rows of targets. Throws UsageError. */
export async function readWanted({
  hosts,
  targets,
  label = [],
}: Pick<AuditOptions, 'hosts' | 'targets' | 'label'>): Promise<Wanted[] | { labels: Record<string, string> }> {
  if (label.length > 0) {
    if (hosts.length > 0 || targets !== undefined)
      throw new UsageError('--label selects stored targets: name no hosts beside it')
    return { labels: Object.fromEntries(label.map(readLabel)) }
  }
  const named = [...wantedOf(hosts), ...(targets === undefined ? [] : await readRows(targets))]
  const rows = [...new Map(named.map((row) => ['name' in row ? row.name : textOf(row), row])).values()]
  if (rows.length === 0) throw new UsageError('name at least one host, --targets, or --label')
  return rows
}

/** The names of targets: of rows whose name no target has it makes targets, and those that are stored stay as they are. */
export async function selectTargets(
  service: Service,
  wanted: Awaited<ReturnType<typeof readWanted>>,
): Promise<Selection> {
  if (!Array.isArray(wanted)) return wanted
  const rows = wanted.filter((one) => 'name' in one)
  if (rows.length > 0) {
    const options = { method: 'POST', body: ndjsonOf(rows), type: 'application/x-ndjson' } as const
    await service.call('/v1/targets/import?existing=keep', options)
  }
  const names = new Set<string>()
  for (const one of wanted) names.add('name' in one ? one.name : await findName(service, one))
  return [...names]
}

async function findName(service: Service, reference: { externalId: string }): Promise<string> {
  const target = await service.find<Row>(`/v1/targets/${encodeURIComponent(textOf(reference))}`)
  if (!target) throw new UsageError(`there is no ${describeReference(reference)}`)
  return target.name
}

/** The root dot of a name is no part of the name of a target. */
const rowsOf = (hosts: readonly string[]): Row[] =>
  expandHosts(hosts).map((host) => ({ name: host.replace(/\.$/, ''), address: host }))

/** Hosts, and `externalId=ID` of stored targets. */
function wantedOf(texts: readonly string[]): Wanted[] {
  const references = texts.map(readReference)
  const hosts = references.filter((one) => typeof one === 'string')
  return [...rowsOf(hosts), ...references.filter((one) => typeof one !== 'string')]
}

/** `key=value`; throws UsageError. */
export function readLabel(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--label ${text}: write key=value`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** A document with targets; `type` is undefined for a list with one host in each line. Throws UsageError. */
async function readDocument(file: string): Promise<{ text: string; type: keyof typeof readers | undefined }> {
  const text = decode(await read(file))
  return { text, type: typeOf(text) }
}

/** A document as an import takes it; a list becomes one whose hosts are names and addresses. Throws UsageError. */
export async function readTargetFile(file: string): Promise<{ text: string; type: string }> {
  const { text, type } = await readDocument(file)
  return type ? { text, type } : { text: ndjsonOf(rowsOf(linesOf(text))), type: 'application/x-ndjson' }
}

const ndjsonOf = (rows: readonly Row[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

/** The rows of a file. */
async function readRows(file: string): Promise<Wanted[]> {
  const { text, type } = await readDocument(file)
  if (!type) return wantedOf(linesOf(text))
  const rows: Row[] = []
  const notes: string[] = []
  const tally = await sift<Row>(
    readers[type](piecesOf(text), (detail, line) => notes.push(`line ${line}: ${detail}`)),
    {
      check: () => [], // the service does
      keep: async (row) => void rows.push(row),
      note: () => {},
    },
  )
  if (tally.unreadable) throw new UsageError(`--targets ${file}: ${messageOf(tally.unreadable)}`)
  const [issue] = tally.errors
  if (issue) throw new UsageError(`--targets ${file}, line ${issue.line}: ${issue.pointer} ${issue.message}`)
  for (const note of notes) console.error(`portwarden: ${file}: ${note}`)
  return rows
}

const messageOf = ({ line, message }: UnreadableError) => (line === undefined ? message : `line ${line}: ${message}`)

async function read(file: string): Promise<Buffer> {
  if (file === '-') return buffer(process.stdin)
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file}: ${getSystemErrorMessage(error.errno ?? 0)}`)
  })
}

/** Spreadsheets also save UTF-16; its byte order mark says so. */
const decode = (bytes: Buffer) =>
  new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8').decode(bytes)

const linesOf = (text: string) =>
  text
    .split(/\r?\n/)
    .map((line) => line.replace(/#.*$/, '').trim())
    .filter((line) => line !== '')

const readers = { 'text/csv': readCsv, 'application/x-ndjson': readNdjson, 'application/nmap+xml': readNmap }

/** Undefined for a list of hosts: each line of it is one word. */
function typeOf(text: string): keyof typeof readers | undefined {
  const [first = ''] = linesOf(text)
  if (first.startsWith('<')) return 'application/nmap+xml'
  if (first.startsWith('{')) return 'application/x-ndjson'
  return /^["']?name["']?$|[,;\t]/i.test(first) || first.startsWith('sep=') ? 'text/csv' : undefined
}

async function* piecesOf(text: string) {
  yield text
}
