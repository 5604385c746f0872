import { createHash } from 'node:crypto'
import { checkEntry, type LedgerEntry, type LedgerKey } from '../../domain/ledger.ts'
import { createFindingsDigest } from './digest.ts'

/** What was checked of a pack; `unverified`: the key that signed it is not known here, all else is right. */
export interface PackCheck {
  what: string
  verdict: 'intact' | 'broken' | 'unverified'
  message: string
}

export interface PackSource {
  /** The bytes of a file of the pack; undefined where it has none of this name. */
  open(name: string): AsyncIterable<Uint8Array> | undefined
  keys: readonly LedgerKey[]
}

interface Manifest {
  files: { name: string; sha256: string }[]
}
interface Audit {
  policy: { name: string; digest: string }
}
type FinishEntry = LedgerEntry & {
  payload: { policy: { digest: string }; findings: { count: number; digest: string } }
}

/** Checks a pack by itself: its files against the manifest, and its policy and findings against the entry of the ledger. Throws an Error for what is no pack. */
export async function verifyPack({ open, keys }: PackSource): Promise<PackCheck[]> {
  const json = async <T>(name: string): Promise<T> => JSON.parse(await textOf(open(name), name)) as T
  const { files } = await json<Manifest>('manifest.json')
  const checks: PackCheck[] = []
  for (const { name, sha256 } of files) {
    const bytes = open(name)
    const is = bytes && (await hashOf(bytes))
    const message = is === undefined ? 'is missing' : is === sha256 ? 'is as the manifest says' : 'was changed'
    checks.push({ what: name, verdict: is === sha256 ? 'intact' : 'broken', message })
  }
  if (!open('ledger.json')) return [...checks, { what: 'ledger', verdict: 'unverified', message: 'has no entry of it' }]
  const entry = await json<FinishEntry>('ledger.json')
  const { policy } = await json<Audit>('audit.json')
  checks.push(entryCheck(entry, keys))
  checks.push(
    compared('policy', 'that the ledger names', [
      await hashOf(open('policy.json') ?? []),
      entry.payload.policy.digest,
      policy.digest,
    ]),
  )
  const { count, digest } = entry.payload.findings
  const found = await digestOf(policy.name, open('findings.ndjson') ?? [])
  checks.push(compared('findings', `that the ledger names, ${count} in all`, [found, `${count} ${digest}`]))
  return checks
}

/** Count and digest, as one text; what has no findings in its lines has none. */
async function digestOf(policy: string, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const findings = createFindingsDigest(policy)
  try {
    for await (const line of linesOf(bytes)) findings.add(JSON.parse(line))
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return 'none'
    throw error
  }
  const { count, digest } = findings.end()
  return `${count} ${digest}`
}

function compared(what: string, intact: string, [first, ...others]: string[]): PackCheck {
  const same = others.every((other) => other === first)
  const message = same ? `is the one ${intact}` : 'is not the one that the ledger names'
  return { what, verdict: same ? 'intact' : 'broken', message }
}

/** The entry alone: where it stands in the chain only the ledger can tell. */
function entryCheck(entry: FinishEntry, keys: readonly LedgerKey[]): PackCheck {
  const found = checkEntry(entry, { seq: entry.seq - 1, hash: entry.prev }, keys)
  if (found === 'genuine') return { what: 'ledger', verdict: 'intact', message: `entry ${entry.seq}, signature right` }
  if (found !== 'unverified') return { what: 'ledger', verdict: 'broken', message: `entry ${entry.seq} was ${found}` }
  const message = `entry ${entry.seq}, hash ${entry.hash}: its signature needs the key ${entry.keyId}`
  return { what: 'ledger', verdict: 'unverified', message }
}

async function textOf(bytes: AsyncIterable<Uint8Array> | undefined, name: string): Promise<string> {
  if (!bytes) throw new Error(`no evidence pack: there is no ${name}`)
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
