import { createHash, createHmac } from 'node:crypto'
import { canonicalJson } from '../encoding/canonical-json.ts'

/** What the ledger tells of. */
export const ledgerActions = [
  'ledger.begin',
  'policy.put',
  'target.create',
  'target.change',
  'target.retire',
  'targets.save',
  'window.request',
  'window.approve',
  'window.cancel',
  'waiver.request',
  'waiver.approve',
  'waiver.revoke',
  'baseline.create',
  'baseline.approve',
  'baseline.delete',
  'key.create',
  'key.revoke',
  'schedule.create',
  'schedule.change',
  'schedule.delete',
  'webhook.create',
  'webhook.change',
  'webhook.disable',
  'webhook.rotate',
  'webhook.delete',
  'vantage.put',
  'audit.cancel',
  'audit.finish',
  'findings.drop',
] as const
export type LedgerAction = (typeof ledgerActions)[number]

/** A change as it is told to the ledger: who did what to which, and what is so since then. Nothing secret. */
export interface Change {
  /** Id of a key, or `system`, `cli`. */
  actor: string
  action: LedgerAction
  /** The name or id of what was changed. */
  subject: string
  payload: object
}

/** One entry of the chain. `hash` is over all that was said and `prev`; its place `seq` follows from `prev`. */
export interface LedgerEntry extends Omit<Change, 'action' | 'payload'> {
  seq: number
  at: string
  action: string
  payload: unknown
  keyId: string
  /** The hash of the entry before it. */
  prev: string
  hash: string
  /** HMAC-SHA256 over `hash`, with the key that `keyId` names. */
  mac: string
}

/** Where the chain ends, or ended: what the next entry follows. */
export type LedgerEnd = Pick<LedgerEntry, 'seq' | 'hash'>

/** A key of the ledger; it never gets into the database. */
export interface LedgerKey {
  id: string
  secret: string
}
/** The first one signs, all of them verify. */
export type LedgerKeys = readonly [LedgerKey, ...LedgerKey[]]

/** What the first entry has for the hash of the one before it. */
export const genesis = '0'.repeat(64)

export const leastKeyLength = 32

/** Reads keys, separated by white space; undefined where there is none, or one is too short. */
export function parseLedgerKeys(text: string): LedgerKeys | undefined {
  const [first, ...others] = text.split(/\s+/).filter((secret) => secret !== '')
  if (first === undefined || [first, ...others].some((secret) => secret.length < leastKeyLength)) return undefined
  return [keyOf(first), ...others.map(keyOf)]
}

const idPattern = /^[0-9a-f]{16}$/
const keyOf = (secret: string): LedgerKey => ({
  id: sha256(`portwarden ledger key ${secret}`).slice(0, 16),
  secret,
})

/** Makes the entry of a change that follows another entry. */
export function sealEntry(
  { actor, action, subject, payload }: Change,
  { seq, prev, at }: { seq: number; prev: string; at: string },
  key: LedgerKey,
): LedgerEntry {
  const plain: unknown = JSON.parse(JSON.stringify(payload)) // times become text, what is undefined goes
  const content = { actor, action, subject, payload: plain, at, keyId: key.id, prev }
  const hash = hashOf(content)
  return { ...content, seq, hash, mac: hmac(key, hash) }
}

const hashOf = ({ actor, action, subject, payload, at, keyId, prev }: Omit<LedgerEntry, 'seq' | 'hash' | 'mac'>) =>
  sha256(canonicalJson({ actor, action, subject, payload, at, keyId, prev }))

/** `unverified`: the key that signed it is not known here, all else is right. `misplaced`: genuine, at another place. */
type EntryCheck = 'genuine' | 'unverified' | 'changed' | 'forged' | 'misplaced'

/** Checks an entry by itself, and whether it follows the one before it. */
export function checkEntry(entry: LedgerEntry, previous: LedgerEnd, keys: readonly LedgerKey[]): EntryCheck {
  if (!says(entry)) return 'changed'
  const key = keys.find(({ id }) => id === entry.keyId)
  if (key ? hmac(key, entry.hash) !== entry.mac : !idPattern.test(entry.keyId)) return 'forged'
  if (entry.seq !== previous.seq + 1 || entry.prev !== previous.hash) return 'misplaced'
  return key ? 'genuine' : 'unverified'
}

/** Whether the hash of an entry is over what it says; what is no JSON any more cannot be what was said. */
function says(entry: LedgerEntry): boolean {
  try {
    return hashOf(entry) === entry.hash
  } catch {
    return false
  }
}

/** Where the chain ended at some time, signed: kept elsewhere, it shows later that its tail was cut. */
export interface LedgerHead {
  seq: number
  hash: string
  keyId: string
  mac: string
}

export const signHead = ({ seq, hash }: LedgerEnd, key: LedgerKey): LedgerHead => ({
  seq,
  hash,
  keyId: key.id,
  mac: hmac(key, `head ${seq} ${hash}`),
})

/** The head as one text, `seq:hash:keyId:mac`, and back; undefined where the text is none. */
export const formatHead = ({ seq, hash, keyId, mac }: LedgerHead): string => `${seq}:${hash}:${keyId}:${mac}`
export const headPattern = '^[1-9][0-9]{0,14}:[0-9a-f]{64}:[0-9a-f]{16}:[0-9a-f]{64}$'
export function parseHead(text: string): LedgerHead | undefined {
  if (!new RegExp(headPattern).test(text)) return undefined
  const [seq, hash = '', keyId = '', mac = ''] = text.split(':')
  return { seq: Number(seq), hash, keyId, mac }
}

/** Whether a head was signed by one of these keys; `unverified`: by another one. */
export function checkHead(head: LedgerHead, keys: readonly LedgerKey[]): 'genuine' | 'unverified' | 'forged' {
  const key = keys.find(({ id }) => id === head.keyId)
  if (!key) return 'unverified'
  return signHead(head, key).mac === head.mac ? 'genuine' : 'forged'
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = ({ secret }: LedgerKey, text: string) => createHmac('sha256', secret).update(text).digest('hex')
