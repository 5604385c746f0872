import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { openDatabaseServer } from '../app/database.ts'
import { openLog } from '../app/log.ts'
import { ConfigError, readConfig } from '../config/index.ts'
import type { LedgerHead } from '../domain/ledger.ts'
import { showControls } from '../encoding/text.ts'
import { openDatabase } from '../store/db/database.ts'
import { createLedgerStore, type LedgerStore } from '../store/ledger/entries.ts'
import { findLedgerKeys } from '../store/ledger/key-file.ts'
import type { Verification } from '../store/ledger/verification.ts'
import { eachPage } from '../store/query/cursor-page.ts'
import { exitCodes, runCommand, say, UsageError } from './command.ts'

const usage = `usage: npm run ledger -- verify [--head FILE] [--findings] [--json]
       npm run ledger -- head
       npm run ledger -- export

verify  checks the whole chain; --head: against a head that was stored elsewhere; --findings: policies, audits and their findings too
head    prints the signed end of the chain as JSON, to be stored elsewhere
export  prints every entry as a line of JSON, newest first
Exit status: 0 intact, 1 broken, 2 not all could be checked, or an error.`

const commands = ['verify', 'head', 'export'] as const

type Request = Exclude<ReturnType<typeof readRequest>, 'help'>

function readRequest(argv: string[]) {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      head: { type: 'string' },
      findings: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const command = commands.find((known) => known === positionals[0])
  if (!command || positionals.length !== 1) throw new UsageError('name one of verify, head, export')
  return { command, ...values }
}

/** Opens the ledger without migrations and without creating a key. */
async function withLedger<T>(work: (ledger: LedgerStore) => Promise<T>): Promise<T> {
  const config = readConfig(process.env)
  const keys = config.ledgerKeys ?? findLedgerKeys(config.dataDir)
  if (!keys)
    throw new ConfigError(
      `there is no ledger key in ${config.dataDir}: set PORTWARDEN_LEDGER_KEY or PORTWARDEN_LEDGER_KEY_FILE to that of the service`,
    )
  await using stack = new AsyncDisposableStack()
  const { url } = await openDatabaseServer(stack, config, { purpose: 'read', exclusive: false, log: openLog('warn') })
  const database = openDatabase(url, { connections: 2 })
  stack.defer(database.close)
  return await work(createLedgerStore(database.db, keys))
}

/** Reads the output of `head`, or its field `head` alone. */
async function readHead(ledger: LedgerStore, file: string): Promise<LedgerHead> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageError(`--head: ${error.message}`)
  })
  const head = ledger.readHead(/"head":\s*"([^"]*)"/.exec(text)?.[1] ?? text.trim())
  if (!head) throw new UsageError(`--head ${file}: must hold a head that the ledger key has signed`)
  return head
}

async function verify(ledger: LedgerStore, request: { head?: string; findings: boolean; json: boolean }) {
  const head = request.head === undefined ? undefined : await readHead(ledger, request.head)
  const all = Number.POSITIVE_INFINITY
  const found = await ledger.verify({ from: 1, limit: all, head, findings: request.findings ? all : undefined })
  if (!found) throw new Error('the ledger has no first entry')
  say(request.json ? JSON.stringify(found, null, 2) : describe(found))
  return exitCodes[found.verdict]
}

function describe({ verdict, entries, broken, unverified, findings }: Verification): string {
  const lines = [`verdict:  ${verdict}, ${entries} entries checked`]
  if (broken) lines.push(`broken:   entry ${broken.seq}, ${broken.kind}: ${broken.message}`)
  for (const { keyId, entries: count, firstSeq } of unverified)
    lines.push(
      `no key:   ${count} entries from ${firstSeq} on were signed by the key ${keyId}, which is not configured`,
    )
  if (findings)
    lines.push(`findings: of ${findings.audits} audits as recorded, of ${findings.dropped} dropped by retention`)
  if (findings && findings.older + findings.adopted > 0)
    lines.push(
      `in part:  ${findings.older} audits ended by an older version, ${findings.adopted} objects from before it`,
    )
  if (findings && findings.unproven > 0)
    lines.push(
      `unproven: ${findings.unproven} audits hold what no process with the ledger key wrote, the first is ${findings.firstUnproven}`,
    )
  return lines.join('\n')
}

async function exportAll(ledger: LedgerStore): Promise<number> {
  for await (const page of eachPage(ledger.list)) {
    if (!process.stdout.writable) break
    const lines = page.map((entry) => `${showControls(JSON.stringify(entry))}\n`).join('')
    if (!process.stdout.write(lines)) await once(process.stdout, 'drain')
  }
  return 0
}

async function printHead(ledger: LedgerStore): Promise<number> {
  const head = await ledger.head()
  if (!head) throw new UsageError('the ledger is empty')
  say(JSON.stringify(head))
  return 0
}

async function run(request: Request): Promise<number> {
  return withLedger((ledger) => {
    if (request.command === 'verify') return verify(ledger, request)
    return request.command === 'head' ? printHead(ledger) : exportAll(ledger)
  })
}

await runCommand(usage, readRequest, run)
