import { createHash } from 'node:crypto'
import { checkEntry, type LedgerEntry, type LedgerKey } from '../../domain/ledger.ts'
import { digest } from '../../encoding/canonical-json.ts'
import { createFindingsDigest } from './digest.ts'

/** One check of a pack; `unverified`: valid, but the signing key is unknown. */
interface PackCheck {
  subject: string
  verdict: 'intact' | 'broken' | 'unverified'
  message: string
}

interface PackSource {
  /** The bytes of a file; undefined if missing. */
  open(name: string): AsyncIterable<Uint8Array> | undefined
  keys: readonly LedgerKey[]
}

interface Manifest {
  files: { name: string; sha256: string }[]
}
type Recorded = Record<string, unknown>
type Audit = Recorded & { id: string }
type FinishEntry = LedgerEntry & {
  payload: Recorded & { policy: { name: string; digest: string }; findings: { count: number; digest: string } }
}

/** Checks the files against the manifest, the contents against the ledger entry. Undefined without a manifest. */
export async function verifyPack({ open, keys }: PackSource): Promise<PackCheck[] | undefined> {
  const json = async <T>(name: string): Promise<Partial<T> | undefined> => {
    const bytes = open(name)
    return bytes && objectOf<T>(await textOf(bytes))
  }
  const manifest = await json<Manifest>('manifest.json')
  if (!manifest) return undefined
  const { files } = manifest
  if (!Array.isArray(files) || !files.every(({ name }) => /^\w[\w.-]*$/.test(name)))
    return [{ subject: 'manifest.json', verdict: 'broken', message: 'was changed: not a valid manifest' }]
  const checks: PackCheck[] = []
  for (const { name, sha256 } of files) {
    const bytes = open(name)
    const actual = bytes && (await hashOf(bytes))
    const message = actual === undefined ? 'is missing' : actual === sha256 ? 'matches the manifest' : 'was changed'
    checks.push({ subject: name, verdict: actual === sha256 ? 'intact' : 'broken', message })
  }
  const entry = await json<FinishEntry>('ledger.json')
  if (!entry) return [...checks, { subject: 'ledger', verdict: 'unverified', message: 'the pack has no ledger entry' }]
  if (!isFinish(entry))
    return [...checks, { subject: 'ledger', verdict: 'broken', message: 'was changed: not a valid entry' }]
  const audit = (await json<Audit>('audit.json')) ?? {}
  // The record is over columns of the database that a pack does not hold.
  const { findings, record: _, unproven, ...recorded } = entry.payload
  const same = Object.keys(recorded).every((name) => digest(audit[name] ?? null) === digest(recorded[name]))
  const policy = await hashOf(open('policy.json') ?? [])
  const found = await digestOf(recorded.policy.name, open('findings.ndjson') ?? [])
  return [
    ...checks,
    entryCheck(entry, keys),
    ...unprovenCheck(unproven),
    compared('audit', same && audit.id === entry.subject),
    compared('policy', policy === recorded.policy.digest),
    compared('findings', found === `${findings.count} ${findings.digest}`),
  ]
}

/** Parses a file; a damaged one gives an empty object. */
function objectOf<T>(text: string): Partial<T> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

const isFinish = (entry: Partial<FinishEntry>): entry is FinishEntry =>
  entry.payload?.findings !== undefined && entry.payload.policy !== undefined

/** Count and digest as one string; `none` for invalid lines. */
async function digestOf(policy: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const findings = createFindingsDigest(policy)
  try {
    for await (const line of linesOf(bytes)) findings.add(JSON.parse(line))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return 'none'
    throw error
  }
  const end = findings.end()
  return `${end.count} ${end.digest}`
}

/** What the entry itself does not vouch for. */
const unprovenCheck = (unproven: unknown): PackCheck[] =>
  Array.isArray(unproven) && unproven.length > 0
    ? [{ subject: 'origin', verdict: 'unverified', message: `not written by the service: ${unproven.join(', ')}` }]
    : []

const compared = (subject: string, same: boolean): PackCheck =>
  same
    ? { subject, verdict: 'intact', message: 'matches the ledger entry' }
    : { subject, verdict: 'broken', message: 'differs from the ledger entry' }

/** Checks the entry alone, because its position in the chain needs the ledger. */
function entryCheck(entry: FinishEntry, keys: readonly LedgerKey[]): PackCheck {
  const found = checkEntry(entry, { seq: entry.seq - 1, hash: entry.prev }, keys)
  if (found === 'genuine')
    return { subject: 'ledger', verdict: 'intact', message: `entry ${entry.seq}, valid signature` }
  if (found !== 'unverified')
    return { subject: 'ledger', verdict: 'broken', message: `entry ${entry.seq} was ${found}` }
  const message = `entry ${entry.seq}, hash ${entry.hash}: its signature needs key ${entry.keyId}`
  return { subject: 'ledger', verdict: 'unverified', message }
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of bytes) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}

async function hashOf(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of bytes) hash.update(piece)
  return hash.digest('hex')
}

async function* linesOf(bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of bytes) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}
