import { createHash, createHmac } from 'node:crypto'
import { canonicalJson } from '../encoding/canonical-json.ts'

/** The recorded actions. */
export const ledgerActions = [
  'ledger.begin',
  'ledger.adopt',
  'policy.put',
  'target.create',
  'target.change',
  'target.retire',
  'targets.save',
  'window.request',
  'window.approve',
  'window.reject',
  'window.cancel',
  'window.reprobe',
  'window.prove',
  'waiver.request',
  'waiver.approve',
  'waiver.reject',
  'waiver.revoke',
  'baseline.create',
  'baseline.approve',
  'baseline.delete',
  'key.create',
  'key.revoke',
  'session.start',
  'session.end',
  'schedule.create',
  'schedule.change',
  'schedule.delete',
  'webhook.create',
  'webhook.change',
  'webhook.disable',
  'webhook.rotate',
  'webhook.reseal',
  'webhook.delete',
  'vantage.put',
  'vantage.remove',
  'audit.cancel',
  'audit.finish',
  'findings.drop',
] as const
export type LedgerAction = (typeof ledgerActions)[number]

/** A change to record, without secrets. */
export interface Change {
  /** A key id, `system` or `cli`. */
  actor: string
  action: LedgerAction
  /** The name or id of the changed resource. */
  subject: string
  payload: object
  /** The changed objects, where the subject is not the only one: names, ids, or `NAME@VERSION` of a policy. */
  objects?: readonly string[]
}

/**
 * Objects whose rows the ledger covers; `source`: text, author and note of a policy version; `audit`: one that had ended before; `proof`: what reprobes of a window have shown.
 * `request` is what a window, waiver or key is from its creation on, `approval` who approved it and when: no later entry signs
 * an edit of them.
 */
export type LedgerStateKind =
  | 'policy'
  | 'source'
  | 'target'
  | 'window'
  | 'proof'
  | 'waiver'
  | 'baseline'
  | 'key'
  | 'audit'
  | 'request'
  | 'approval'
  | 'schedule'
  | 'webhook'
  | 'vantage'

/** One entry of the chain; `hash` covers everything except `seq`, which follows from `prev`. */
export interface LedgerEntry extends Omit<Change, 'action' | 'payload' | 'objects'> {
  seq: number
  at: string
  action: string
  payload: unknown
  keyId: string
  /** The hash of the previous entry. */
  prev: string
  hash: string
  /** HMAC-SHA256 over `hash`, with the key that `keyId` names. */
  mac: string
}

/** The last entry of the chain. */
export type LedgerEnd = Pick<LedgerEntry, 'seq' | 'hash'>

/** A key of the ledger; never stored in the database. */
export interface LedgerKey {
  id: string
  secret: string
}
/** The first key signs, all keys verify. */
export type LedgerKeys = readonly [LedgerKey, ...LedgerKey[]]

/** The `prev` of the first entry. */
export const genesis = '0'.repeat(64)

export const minKeyLength = 32

/** Parses white-space separated keys; undefined if any is too short. */
export function parseLedgerKeys(text: string): LedgerKeys | undefined {
  const [first, ...others] = text.split(/\s+/).filter((secret) => secret !== '')
  if (first === undefined || [first, ...others].some((secret) => secret.length < minKeyLength)) return undefined
  return [keyOf(first), ...others.map(keyOf)]
}

const idPattern = /^[0-9a-f]{16}$/
const keyOf = (secret: string): LedgerKey => ({
  id: sha256(`portwarden ledger key ${secret}`).slice(0, 16),
  secret,
})

/** Builds and signs the next entry. */
export function sealEntry(
  { actor, action, subject, payload }: Change,
  { seq, prev, at }: { seq: number; prev: string; at: string },
  key: LedgerKey,
): LedgerEntry {
  const plain: unknown = JSON.parse(JSON.stringify(payload)) // as stored: dates as strings, without undefined
  const content = { actor, action, subject, payload: plain, at, keyId: key.id, prev }
  const hash = hashOf(content)
  return { ...content, seq, hash, mac: hmac(key, hash) }
}

const hashOf = ({ actor, action, subject, payload, at, keyId, prev }: Omit<LedgerEntry, 'seq' | 'hash' | 'mac'>) =>
  sha256(canonicalJson({ actor, action, subject, payload, at, keyId, prev }))

/** `unverified`: valid, signing key unknown. `misplaced`: genuine, in another position. */
type EntryCheck = 'genuine' | 'unverified' | 'changed' | 'forged' | 'misplaced'

/** Checks an entry, and whether it follows the previous one. */
export function checkEntry(entry: LedgerEntry, previous: LedgerEnd, keys: readonly LedgerKey[]): EntryCheck {
  if (!hashMatches(entry)) return 'changed'
  const key = keys.find(({ id }) => id === entry.keyId)
  if (key ? hmac(key, entry.hash) !== entry.mac : !idPattern.test(entry.keyId)) return 'forged'
  if (entry.seq !== previous.seq + 1 || entry.prev !== previous.hash) return 'misplaced'
  return key ? 'genuine' : 'unverified'
}

/** Whether the hash fits the content. */
function hashMatches(entry: LedgerEntry): boolean {
  try {
    return hashOf(entry) === entry.hash
  } catch {
    return false
  }
}

/** A signed end of the chain, to prove truncation later. */
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

/** The head as text, `seq:hash:keyId:mac`. */
export const formatHead = ({ seq, hash, keyId, mac }: LedgerHead): string => `${seq}:${hash}:${keyId}:${mac}`
export const headPattern = '^[1-9][0-9]{0,14}:[0-9a-f]{64}:[0-9a-f]{16}:[0-9a-f]{64}$'
export function parseHead(text: string): LedgerHead | undefined {
  if (!new RegExp(headPattern).test(text)) return undefined
  const [seq, hash = '', keyId = '', mac = ''] = text.split(':')
  return { seq: Number(seq), hash, keyId, mac }
}

/** `unverified`: none of these keys signed the head. */
export function checkHead(head: LedgerHead, keys: readonly LedgerKey[]): 'genuine' | 'unverified' | 'forged' {
  const key = keys.find(({ id }) => id === head.keyId)
  if (!key) return 'unverified'
  return signHead(head, key).mac === head.mac ? 'genuine' : 'forged'
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = ({ secret }: LedgerKey, text: string) => createHmac('sha256', secret).update(text).digest('hex')
