import { createHash } from 'node:crypto'
import { checkEntry, type LedgerEntry, type LedgerKey } from '../../domain/ledger.ts'
import { digest } from '../../encoding/canonical-json.ts'
import { createFindingsDigest } from './digest.ts'

/** What was checked of a pack; `unverified`: the key that signed it is not known here, all else is right. */
interface PackCheck {
  what: string
  verdict: 'intact' | 'broken' | 'unverified'
  message: string
}

interface PackSource {
  /** The bytes of a file of the pack; undefined where it has none of this name. */
  open(name: string): AsyncIterable<Uint8Array> | undefined
  keys: readonly LedgerKey[]
}

interface Manifest {
  files: { name: string; sha256: string }[]
}
type Said = Record<string, unknown>
type Audit = Said & { id: string }
type FinishEntry = LedgerEntry & {
  payload: Said & { policy: { name: string; digest: string }; findings: { count: number; digest: string } }
}

/** Checks a pack by itself: its files against the manifest, and what it says, its policy and its findings against the entry of the ledger. Undefined for what is no pack. */
export async function verifyPack({ open, keys }: PackSource): Promise<PackCheck[] | undefined> {
  const json = async <T>(name: string): Promise<Partial<T> | undefined> => {
    const bytes = open(name)
    return bytes && objectOf<T>(await textOf(bytes))
  }
  const manifest = await json<Manifest>('manifest.json')
  if (!manifest) return undefined
  const { files } = manifest
  if (!Array.isArray(files) || !files.every(({ name }) => /^\w[\w.-]*$/.test(name)))
    return [{ what: 'manifest.json', verdict: 'broken', message: 'was changed: it is no manifest' }]
  const checks: PackCheck[] = []
  for (const { name, sha256 } of files) {
    const bytes = open(name)
    const is = bytes && (await hashOf(bytes))
    const message = is === undefined ? 'is missing' : is === sha256 ? 'is as the manifest says' : 'was changed'
    checks.push({ what: name, verdict: is === sha256 ? 'intact' : 'broken', message })
  }
  const entry = await json<FinishEntry>('ledger.json')
  if (!entry) return [...checks, { what: 'ledger', verdict: 'unverified', message: 'has no entry of it' }]
  if (!isFinish(entry))
    return [...checks, { what: 'ledger', verdict: 'broken', message: 'was changed: it is no entry' }]
  const audit = (await json<Audit>('audit.json')) ?? {}
  const { findings, ...said } = entry.payload
  const same = Object.keys(said).every((name) => digest(audit[name] ?? null) === digest(said[name]))
  const policy = await hashOf(open('policy.json') ?? [])
  const found = await digestOf(said.policy.name, open('findings.ndjson') ?? [])
  return [
    ...checks,
    entryCheck(entry, keys),
    compared('audit', same && audit.id === entry.subject),
    compared('policy', policy === said.policy.digest),
    compared('findings', found === `${findings.count} ${findings.digest}`),
  ]
}

/** What a file says; one that was damaged, so that it is no JSON any more, says nothing. */
function objectOf<T>(text: string): Partial<T> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}

const isFinish = (entry: Partial<FinishEntry>): entry is FinishEntry =>
  entry.payload?.findings !== undefined && entry.payload.policy !== undefined

/** Count and digest, as one text; what has no findings in its lines has none. */
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

const compared = (what: string, same: boolean): PackCheck =>
  same
    ? { what, verdict: 'intact', message: 'what the entry of the ledger says' }
    : { what, verdict: 'broken', message: 'not what the entry of the ledger says' }

/** The entry alone: where it stands in the chain only the ledger can tell. */
function entryCheck(entry: FinishEntry, keys: readonly LedgerKey[]): PackCheck {
  const found = checkEntry(entry, { seq: entry.seq - 1, hash: entry.prev }, keys)
  if (found === 'genuine') return { what: 'ledger', verdict: 'intact', message: `entry ${entry.seq}, signature right` }
  if (found !== 'unverified') return { what: 'ledger', verdict: 'broken', message: `entry ${entry.seq} was ${found}` }
  const message = `entry ${entry.seq}, hash ${entry.hash}: its signature needs the key ${entry.keyId}`
  return { what: 'ledger', verdict: 'unverified', message }
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
