import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import type { UnreadableError } from '../../api/routes/targets/import/body.ts'
import { readCsv } from '../../api/routes/targets/import/csv.ts'
import { readNdjson } from '../../api/routes/targets/import/ndjson.ts'
import { readNmap } from '../../api/routes/targets/import/nmap.ts'
import { sift } from '../../api/routes/targets/import/rows.ts'
import { UsageError } from '../command.ts'
import type { Service } from '../service/service.ts'
import { expandHosts } from './hosts.ts'
import type { AuditOptions } from './options.ts'

/** What `POST /v1/audits` takes. */
export type Selection = string[] | { labels: Record<string, string> }

interface Row {
  name: string
  address?: string
}

/**
 * The targets to audit. Hosts that no target is named after become targets; those that are stored stay as they are. Throws
 * UsageError.
 */
export async function chooseTargets(
  service: Service,
  { hosts, targets, label }: Pick<AuditOptions, 'hosts' | 'targets' | 'label'>,
): Promise<Selection> {
  if (label.length > 0) {
    if (hosts.length > 0 || targets !== undefined)
      throw new UsageError('--label selects stored targets: name no hosts beside it')
    return { labels: Object.fromEntries(label.map(readLabel)) }
  }
  const rows = [...rowsOf(hosts), ...(targets === undefined ? [] : await readRows(targets))]
  if (rows.length === 0) throw new UsageError('name at least one host, --targets, or --label')
  const body = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
  await service.call('/v1/targets/import?existing=keep', { method: 'POST', body, type: 'application/x-ndjson' })
  return rows.map(({ name }) => name)
}

const rowsOf = (hosts: readonly string[]): Row[] => expandHosts(hosts).map((host) => ({ name: host, address: host }))

function readLabel(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--label ${text}: write key=value`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** The rows of a file in any form that an import takes, or of a list with one host in each line. */
async function readRows(file: string): Promise<Row[]> {
  const text = decode(await read(file))
  const reader = readerOf(text)
  if (!reader) return rowsOf(linesOf(text))
  const rows: Row[] = []
  const notes: string[] = []
  const tally = await sift<Row>(
    reader(piecesOf(text), (detail, line) => notes.push(`line ${line}: ${detail}`)),
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
  return readFile(file).catch((error: Error) => {
    throw new UsageError(`--targets: ${error.message}`)
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

/** Undefined for a list of hosts: each line of it is one word. */
function readerOf(text: string) {
  const [first = ''] = linesOf(text)
  if (first.startsWith('<')) return readNmap
  if (first.startsWith('{')) return readNdjson
  return /^["']?name["']?$|[,;\t]/i.test(first) || first.startsWith('sep=') ? readCsv : undefined
}

async function* piecesOf(text: string) {
  yield text
}
