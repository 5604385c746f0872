import { describe, expect, test } from 'vitest'
import {
  type Change,
  checkEntry,
  checkHead,
  formatHead,
  genesis,
  type LedgerEntry,
  type LedgerKeys,
  parseHead,
  parseLedgerKeys,
  sealEntry,
  signHead,
} from '../../src/domain/ledger.ts'

const keysOf = (text: string) => parseLedgerKeys(text) as LedgerKeys
const [one, other] = keysOf(`${'one-key-'.repeat(4)} ${'another-'.repeat(4)}`) as [LedgerKeys[0], LedgerKeys[0]]
const start = { seq: 0, hash: genesis }
const change: Change = { actor: 'test', action: 'policy.put', subject: 'p', payload: { version: 1 } }
const seal = (more: Partial<Change> = {}, key = one) =>
  sealEntry({ ...change, ...more }, { seq: 1, prev: genesis, at: '2026-01-01T00:00:00.000Z' }, key)

describe('an entry', () => {
  test('is genuine as sealed, also after a round trip through JSON', () => {
    const payload = { at: new Date(0), nothing: undefined, list: [1e21, -0, 'ü\u2028'] }
    const entry = seal({ payload })
    expect(entry.payload).toEqual({ at: '1970-01-01T00:00:00.000Z', list: [1e21, 0, 'ü\u2028'] })
    expect(checkEntry(JSON.parse(JSON.stringify(entry)), start, [one])).toBe('genuine')
  })

  const changes: [keyof LedgerEntry, Partial<LedgerEntry>][] = [
    ['at', { at: '2026-01-01T00:00:00.001Z' }],
    ['actor', { actor: 'other' }],
    ['action', { action: 'key.revoke' }],
    ['subject', { subject: 'q' }],
    ['payload', { payload: { version: 2 } }],
    ['keyId', { keyId: other.id }],
    ['prev', { prev: '1'.repeat(64) }],
    ['hash', { hash: '1'.repeat(64) }],
  ]
  test.each(changes)('with a changed %s is reported as changed', (_, changed) => {
    expect(checkEntry({ ...seal(), ...changed }, start, [one, other])).toBe('changed')
  })

  test('with a payload that is not JSON is reported as changed', () => {
    expect(checkEntry({ ...seal(), payload: { version: Number.POSITIVE_INFINITY } }, start, [one])).toBe('changed')
  })

  test('with a new hash but without the key is forged', () => {
    const forged = { ...seal({ payload: { version: 2 } }), mac: seal().mac }
    expect(checkEntry(forged, start, [one])).toBe('forged')
    const withAnotherKey = sealEntry(
      change,
      { seq: 1, prev: genesis, at: '2026-01-01T00:00:00.000Z' },
      { ...other, id: one.id },
    )
    expect(checkEntry(withAnotherKey, start, [one])).toBe('forged')
  })

  test('signed with an unknown key is unverified, not broken', () => {
    expect(checkEntry(seal({}, other), start, [one])).toBe('unverified')
    expect(checkEntry(seal({}, other), start, [])).toBe('unverified')
    expect(checkEntry(seal({}, other), start, [one, other])).toBe('genuine')
  })

  test('is misplaced after another predecessor or with another number', () => {
    expect(checkEntry(seal(), { seq: 0, hash: '1'.repeat(64) }, [one])).toBe('misplaced')
    expect(checkEntry({ ...seal(), seq: 2 }, start, [one])).toBe('misplaced')
  })
})

describe('a head', () => {
  const head = signHead(seal(), one)

  test('survives formatting and parsing', () => {
    expect(parseHead(formatHead(head))).toEqual(head)
    for (const text of ['', '1', `${formatHead(head)}0`, `0${formatHead(head)}`])
      expect(parseHead(text)).toBeUndefined()
  })

  test('is genuine, forged, or unverified', () => {
    expect(checkHead(head, [other, one])).toBe('genuine')
    expect(checkHead({ ...head, seq: 2 }, [one])).toBe('forged')
    expect(checkHead({ ...head, hash: '1'.repeat(64) }, [one])).toBe('forged')
    expect(checkHead(head, [other])).toBe('unverified')
  })
})

describe('keys', () => {
  test('are separated by white space', () => {
    expect(keysOf(`${'a'.repeat(32)}\n${'b'.repeat(40)}\n`).map(({ secret }) => secret)).toEqual([
      'a'.repeat(32),
      'b'.repeat(40),
    ])
  })

  test('that are too short are refused', () => {
    for (const text of ['', ' \n', 'a'.repeat(31), `${'a'.repeat(32)} short`])
      expect(parseLedgerKeys(text)).toBeUndefined()
  })

  test('have ids that do not reveal them', () => {
    expect(one.id).toMatch(/^[0-9a-f]{16}$/)
    expect(one.id).not.toBe(other.id)
    expect(one.secret).not.toContain(one.id)
  })
})
