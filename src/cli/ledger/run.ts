import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { openDatabaseServer } from '../../app/database.ts'
import { openLog } from '../../app/log.ts'
import { ConfigError, readConfig } from '../../config/index.ts'
import { showControls } from '../../encoding/text.ts'
import { required } from '../../runtime/required.ts'
import { openDatabase } from '../../store/db/database.ts'
import { createLedgerStore } from '../../store/ledger/entries.ts'
import { findLedgerKeys } from '../../store/ledger/key-file.ts'
import type { Verification } from '../../store/ledger/verification.ts'
import { eachPage } from '../../store/query/cursor-page.ts'
import { exitStatus, say, UsageError, verificationStatus } from '../command.ts'
import { withService } from '../connection/api.ts'
import { remoteLedger } from './remote.ts'

/** The ledger in the database, or that of a service. */
interface Ledger {
  head(): Promise<object | undefined>
  /** Pages of entries, newest first. */
  entries(): AsyncIterable<readonly object[]>
  /** `head`: the text of a signed head. */
  verify(check: { head: string | undefined; findings: boolean }): Promise<Verification>
}

export interface LedgerOptions {
  server?: URL
}

async function withLedger<T>({ server }: LedgerOptions, work: (ledger: Ledger) => Promise<T>): Promise<T> {
  if (server) return withService({ server }, { probe: false }, (service) => work(remoteLedger(service)))
  return withStoredLedger(work)
}

/** Opens the ledger without migrations and without creating a key. */
async function withStoredLedger<T>(work: (ledger: Ledger) => Promise<T>): Promise<T> {
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
  const store = createLedgerStore(database.db, keys)
  return await work({
    head: store.head,
    entries: () => eachPage(store.list),
    async verify({ head: text, findings }) {
      const head = text === undefined ? undefined : store.readHead(text)
      if (text !== undefined && !head) throw new UsageError('--head: must hold a head that the ledger key has signed')
      const all = Number.POSITIVE_INFINITY
      return required(
        await store.verify({ from: 1, limit: all, head, findings: findings ? all : undefined }),
        'the first entry',
      )
    },
  })
}

/** Reads the output of `head`, or its field `head` alone. */
async function readHead(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageError(`--head: ${error.message}`)
  })
  return /"head":\s*"([^"]*)"/.exec(text)?.[1] ?? text.trim()
}

export interface VerifyRequest extends LedgerOptions {
  /** A file with a head that was stored elsewhere. */
  head?: string
  /** Also the policies, the audits and their findings. */
  findings?: true
  json?: true
}

async function verifyIn(ledger: Ledger, request: VerifyRequest): Promise<number> {
  const head = request.head === undefined ? undefined : await readHead(request.head)
  const found = await ledger.verify({ head, findings: request.findings ?? false })
  say(request.json ? JSON.stringify(found, null, 2) : describe(found))
  return verificationStatus[found.verdict]
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

async function exportAll(ledger: Ledger): Promise<number> {
  for await (const page of ledger.entries()) {
    if (!process.stdout.writable) break
    const lines = page.map((entry) => `${showControls(JSON.stringify(entry))}\n`).join('')
    if (!process.stdout.write(lines)) await once(process.stdout, 'drain')
  }
  return exitStatus.pass
}

async function printHead(ledger: Ledger): Promise<number> {
  const head = await ledger.head()
  if (!head) throw new UsageError('the ledger is empty')
  say(JSON.stringify(head))
  return exitStatus.pass
}

/** Checks the whole chain; returns the exit status. */
export const verify = (request: VerifyRequest): Promise<number> =>
  withLedger(request, (ledger) => verifyIn(ledger, request))

/** Prints the signed end of the chain, to be stored elsewhere. */
export const head = (options: LedgerOptions): Promise<number> => withLedger(options, printHead)

/** Prints each entry as a line of JSON, newest first. */
export const exportEntries = (options: LedgerOptions): Promise<number> => withLedger(options, exportAll)
