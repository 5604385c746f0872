import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { probeLdap } from '../../../src/probes/ldap/probe.ts'
import type { Certificate } from '../../support/certificates.ts'
import { peerAuthority } from '../../support/certificates.ts'
import { element, ldapMessage, ldapResult, ldapTags, rootDseEntry, rootDseResponse } from '../../support/ldap-bytes.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type HostilePeer, hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { tlsCertificate, tlsHostName } from '../../support/peers/tls.ts'
import { inTime, watchedIo } from '../../support/watched-io.ts'

const password = 'S3cret!canary'

interface ProbeRequest {
  options?: OptionsByProtocol['ldap']
  deadlineMs?: number
}

/** Runs one probe, which must keep its deadline and release everything. */
async function runProbe(peer: HostilePeer, { options = {}, deadlineMs = 5_000 }: ProbeRequest = {}) {
  const io = watchedIo({ deadlineMs, credential: async () => ({ user: 'cn=auditor', password }) })
  const seen = await inTime(
    deadlineMs,
    probeLdap({ host: tlsHostName, address: peer.host, port: peer.port }, options, io),
  )
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  // A second one tries TLS, where the first has shown no other protocol.
  const isKnown = seen.facts.rootDse !== undefined || ['http', 'ssh', 'smtp'].includes(seen.facts.spoke ?? '')
  expect(peer.received.length, 'connections').toBeLessThanOrEqual(isKnown ? 1 : 2)
  expect(seen.state).toBe('open')
  expect(JSON.stringify(seen)).not.toContain(password)
  return seen
}

async function probeWith(script: readonly Step[], request: ProbeRequest = {}) {
  await using peer = await startHostile(script)
  return await runProbe(peer, request)
}

const short = 500
/** Waits for a request and reads all of it. */
const awaitRequest: Step = { reply: () => '' }
const withStartTls: OptionsByProtocol['ldap'] = { security: ['starttls'], credentialRef: 'env:LDAP_LOGIN' }
const searchDone: Step[] = [awaitRequest, { send: rootDseResponse(1) }]
const startTlsDone: Step[] = [...searchDone, awaitRequest, { send: ldapResult(2, ldapTags.extended, 0) }]

describe('probeLdap with peers that do not speak LDAP', () => {
  test.each<[string, readonly Step[], object]>([
    ['HTTP', hostile.http, { reason: 'protocol-mismatch', facts: { spoke: 'http' } }],
    ['SSH', hostile.ssh, { reason: 'protocol-mismatch', facts: { spoke: 'ssh' } }],
    ['SMTP', hostile.smtp, { reason: 'protocol-mismatch', facts: { spoke: 'smtp' } }],
    ['SSH byte by byte', [{ drip: 'SSH-2.0-slow\r\n', everyMs: 2 }, 'hang'], { facts: { spoke: 'ssh' } }],
    [
      'a TLS alert',
      [awaitRequest, { send: Buffer.of(21, 3, 3, 0, 2, 2, 10) }, 'end'],
      { facts: { tls: { alert: 10 } } },
    ],
    ['noise', hostile.garbage, { reason: 'protocol-mismatch', facts: { spoke: 'other' } }],
    ['a flood of noise', hostile.flood(), { reason: 'protocol-mismatch', facts: { spoke: 'other' } }],
    ['a close', [awaitRequest, 'end'], { reason: 'connection-closed', facts: {} }],
    ['a reset', [awaitRequest, 'reset'], { reason: 'connection-reset', facts: {} }],
  ])('%s is recognized immediately', async (_what, script, expected) => {
    const seen = await probeWith(script)
    expect(seen).toMatchObject(expected)
    expect(seen.facts.rootDse).toBeUndefined()
  })

  test.each<[string, readonly Step[], object]>([
    ['silence', hostile.silent, { reason: 'protocol-timeout', facts: { spoke: 'nothing' } }],
    [
      'the beginning of a response',
      [{ send: rootDseResponse(1).subarray(0, 20) }, 'hang'],
      { reason: 'protocol-timeout' },
    ],
    [
      'a response that drips too slowly',
      [awaitRequest, { drip: rootDseResponse(1), everyMs: 50 }],
      { reason: 'protocol-timeout' },
    ],
    [
      'silence after the rootDSE',
      [...searchDone, 'hang'],
      { reason: 'protocol-timeout', facts: { security: 'plain', rootDse: {} } },
    ],
    [
      'silence instead of a handshake',
      [...startTlsDone, 'hang'],
      { reason: 'protocol-timeout', facts: { startTls: { offered: true } } },
    ],
  ])('%s ends with the deadline', async (_what, script, expected) => {
    const seen = await probeWith(script, { deadlineMs: short, options: withStartTls })
    expect(seen).toMatchObject(expected)
  })
})

describe('probeLdap with malformed LDAP', () => {
  const oversized = (first: number, ...length: number[]) => Buffer.of(0x30, first, ...length, 2, 1, 1)
  test.each<[string, Uint8Array, string]>([
    ['a length of 4 GiB', oversized(0x84, 0xff, 0xff, 0xff, 0xff), 'response-too-large'],
    ['a length just over the cap', oversized(0x83, 0x10, 0x00, 0x01), 'response-too-large'],
    ['a length in five octets', oversized(0x85, 0, 0, 0, 0, 3), 'protocol-violation'],
    ['an indefinite length', oversized(0x80), 'protocol-violation'],
    ['an inner length beyond the message', ldapMessage(1, Buffer.of(0x65, 0x7f, 0x0a, 1, 0)), 'protocol-violation'],
    ['a message id of nine octets', element(0x30, element(2, Buffer.alloc(9, 1)), element(0x65)), 'protocol-violation'],
    ['an empty message', element(0x30), 'protocol-violation'],
    ['a tag of several octets', ldapMessage(1, Buffer.of(0x7f, 0x81, 0x01, 0)), 'protocol-violation'],
    ['two entries', Buffer.concat([rootDseEntry(1, {}), rootDseResponse(1)]), 'protocol-violation'],
    ['two responses', Buffer.concat([rootDseResponse(1), rootDseResponse(1)]), 'protocol-violation'],
    ['a byte after the response', Buffer.concat([rootDseResponse(1), Buffer.of(0)]), 'protocol-violation'],
    ['the response to a bind', ldapResult(1, ldapTags.bind, 0), 'protocol-violation'],
  ])('%s is rejected', async (_what, send, reason) => {
    const seen = await probeWith([awaitRequest, { send }, 'hang'])
    expect(seen).toMatchObject({ reason, facts: {} })
    expect(seen.facts.rootDse).toBeUndefined()
  })

  test('a notice of disconnection is a response, and shows nothing else', async () => {
    const seen = await probeWith([awaitRequest, { send: ldapResult(0, ldapTags.extended, 52) }, 'hang'])
    expect(seen).toMatchObject({ reason: 'connection-closed', facts: { security: 'plain', rootDse: {} } })
  })

  test('more than a mebibyte is not read', async () => {
    const announced = element(0x30, Buffer.alloc(2 * 1024 * 1024))
    expect(await probeWith([awaitRequest, { send: announced }, 'hang'])).toMatchObject({ reason: 'response-too-large' })
    const allowed = rootDseEntry(1, { supportedCapabilities: Array.from({ length: 60_000 }, () => '1.2.3.4.5') })
    const more = Buffer.concat([allowed, ldapMessage(1, element(ldapTags.searchDone, Buffer.alloc(1024 * 1024)))])
    expect(await probeWith([awaitRequest, { send: more }, 'hang'])).toMatchObject({ reason: 'response-too-large' })
  })

  test('a large response in small chunks costs no more than its bytes', async () => {
    const response = rootDseResponse(1, {
      supportedCapabilities: Array.from({ length: 60_000 }, (_, index) => `1.2.3.${index}`),
    })
    const pieces = Array.from(
      { length: Math.ceil(response.length / 100) },
      (_, index): Step => ({ send: response.subarray(index * 100, index * 100 + 100) }),
    )
    const { reason, facts } = await probeWith([awaitRequest, ...pieces, 'hang'])
    expect(reason).toBe('ldap-responded')
    expect(facts).toMatchObject({ rootDse: {}, omitted: ['rootDse/supportedCapabilities'] })
  })
})

describe('probeLdap, property-based', () => {
  const whole = rootDseResponse(1)
  const ending = fc.constantFrom<Step>('end', 'reset')
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 400 })
  const almostLdap = fc
    .tuple(fc.nat(whole.length - 1), fc.nat(255), fc.nat(3))
    .map(([at, byte, cut]) => Buffer.from([...whole].toSpliced(at, cut, byte)))

  test('ends with a reason and releases everything, for any bytes and any ending', async () => {
    const scripts = fc.array(fc.tuple(fc.oneof(bytes, almostLdap), ending), { minLength: 10, maxLength: 10 })
    await fc.assert(
      fc.asyncProperty(scripts, async (cases) => {
        await Promise.all(cases.map(([send, end]) => probeWith([awaitRequest, { send }, end])))
      }),
      { numRuns: 30 },
    )
  })

  test('gives the same facts for every chunking of a response', async () => {
    const expected = (await probeWith([...searchDone, 'hang'])).facts
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(whole.length), { maxLength: 12 }), async (cuts) => {
        const bounds = [0, ...cuts.toSorted((a, b) => a - b), whole.length]
        const pieces = bounds.slice(1).map((end, index): Step => ({ send: whole.subarray(bounds[index], end) }))
        const { reason, facts } = await probeWith([awaitRequest, ...pieces, 'hang'])
        expect({ reason, facts }).toEqual({ reason: 'ldap-responded', facts: expected })
      }),
      { numRuns: 50 },
    )
  })

  const otherId = fc.integer({ min: 0, max: 2 ** 31 - 1 })

  test('reports a response with another message id as a violation', async () => {
    await fc.assert(
      fc.asyncProperty(
        otherId.filter((id) => id !== 1),
        async (id) => {
          const seen = await probeWith([awaitRequest, { send: rootDseResponse(id) }, 'hang'])
          expect(seen).toMatchObject({ reason: 'protocol-violation', facts: {} })
        },
      ),
      { numRuns: 30 },
    )
  })

  test('ends with an injection if a StartTLS response has another message id or trailing bytes', async () => {
    const good = ldapResult(2, ldapTags.extended, 0)
    const attack = fc.oneof(
      otherId.filter((id) => id !== 2 && id !== 0).map((id) => ldapResult(id, ldapTags.extended, 0)),
      bytes.map((more) => Buffer.concat([good, more])),
    )
    await fc.assert(
      fc.asyncProperty(attack, async (send) => {
        await using peer = await startHostile([...searchDone, awaitRequest, { send }, 'hang'])
        const seen = await runProbe(peer, { options: withStartTls })
        expect(seen.reason).toBe('ldap-starttls-injection')
        expect(seen.facts.tls).toBeUndefined()
        const [sent = Buffer.alloc(0)] = peer.received
        expect(sent.subarray(-2).toString('latin1'), 'no handshake after the request').toBe('37')
      }),
      { numRuns: 50 },
    )
  })
})

describe('probeLdap with a connection that ends after every byte', () => {
  const recorded = Buffer.concat([rootDseResponse(1), ldapResult(2, ldapTags.extended, 0)])

  test.each<[string, 'reset' | 'end']>([
    ['reset', 'reset'],
    ['close', 'end'],
  ])('%s', async (_what, end) => {
    const entry = rootDseResponse(1).length
    const scripts = Array.from({ length: recorded.length + 1 }, (_, bytes): Step[] => {
      const first: Step[] = [awaitRequest, { send: recorded.subarray(0, Math.min(bytes, entry)) }]
      return bytes < entry ? [...first, end] : [...first, awaitRequest, { send: recorded.subarray(entry, bytes) }, end]
    })
    const reasons = new Set<string>()
    for (let index = 0; index < scripts.length; index += 10) {
      const probes = scripts.slice(index, index + 10).map((script) => probeWith(script, { options: withStartTls }))
      for (const { reason } of await Promise.all(probes)) reasons.add(reason)
    }
    expect(['connection-closed', 'connection-reset']).toEqual(expect.arrayContaining([...reasons]))
    expect(reasons).toContain(end === 'end' ? 'connection-closed' : 'connection-reset')
  })
})

describeWithPeers(['openssl'], 'probeLdap with a verified but hostile directory', () => {
  let identity: Certificate
  let options: OptionsByProtocol['ldap']
  beforeAll(async () => {
    identity = await tlsCertificate('good')
    options = { ...withStartTls, trustedCa: (await peerAuthority()).ca }
  })

  const inTls = (...steps: Step[]): Step[] => [
    ...startTlsDone,
    { upgrade: identity },
    awaitRequest,
    { send: rootDseResponse(3) },
    awaitRequest,
    ...steps,
  ]

  test.each<[string, Step[], object]>([
    ['a success', [{ send: ldapResult(4, ldapTags.bind, 0) }, 'hang'], { reason: 'ldap-bind-ok' }],
    [
      'a success with another message id',
      [{ send: ldapResult(3, ldapTags.bind, 0) }, 'hang'],
      { reason: 'protocol-violation' },
    ],
    [
      'a success and a refusal',
      [{ send: Buffer.concat([ldapResult(4, ldapTags.bind, 0), ldapResult(4, ldapTags.bind, 49)]) }, 'hang'],
      { reason: 'protocol-violation' },
    ],
    [
      'the response to a search',
      [{ send: ldapResult(4, ldapTags.searchDone, 0) }, 'hang'],
      { reason: 'protocol-violation' },
    ],
    ['noise', hostile.garbage.slice() as Step[], { reason: 'protocol-violation' }],
    ['a close', ['end'], { reason: 'connection-closed' }],
    ['a reset', ['reset'], { reason: 'connection-reset' }],
    [
      'busy',
      [{ send: ldapResult(4, ldapTags.bind, 51, 'data 52e') }, 'hang'],
      { reason: 'ldap-bind-refused', facts: { bind: { resultCode: 51, resultName: 'busy' } } },
    ],
    [
      'inappropriate authentication',
      [{ send: ldapResult(4, ldapTags.bind, 48) }, 'hang'],
      { reason: 'ldap-anonymous-refused' },
    ],
    [
      'stronger authentication required',
      [{ send: ldapResult(4, ldapTags.bind, 8) }, 'hang'],
      { reason: 'ldap-stronger-auth-required' },
    ],
    [
      'an unknown Active Directory code',
      [{ send: ldapResult(4, ldapTags.bind, 49, 'error, data 569, v1') }, 'hang'],
      { reason: 'ldap-bind-refused', facts: { bind: { adCode: '569' } } },
    ],
    [
      'the code for an unknown user',
      [{ send: ldapResult(4, ldapTags.bind, 49, 'error, data 525, v1') }, 'hang'],
      { reason: 'ldap-invalid-credentials', facts: { bind: { adCode: '525' } } },
    ],
    [
      'a free text instead of a code',
      [{ send: ldapResult(4, ldapTags.bind, 49, `data ${password}`) }, 'hang'],
      { reason: 'ldap-invalid-credentials' },
    ],
    [
      'an unknown result code',
      [{ send: ldapResult(4, ldapTags.bind, 123) }, 'hang'],
      { facts: { bind: { resultName: 'unknown' } } },
    ],
  ])('%s', async (_what, steps, expected) => {
    expect(await probeWith(inTls(...steps), { options })).toMatchObject(expected)
  })

  test('StartTLS is requested again a few times while the directory finishes our search', async () => {
    const busy = [2, 3].map((id): Step => ({ reply: () => ldapResult(id, ldapTags.extended, 1) }))
    const free: Step = { reply: () => ldapResult(4, ldapTags.extended, 0) }
    const inside: Step = { reply: () => rootDseResponse(5) }
    const script: Step[] = [...searchDone, ...busy, free, { upgrade: identity }, inside, 'hang']
    const { facts } = await probeWith(script, { options: { security: ['starttls'] } })
    expect(facts).toMatchObject({ security: 'starttls', startTls: { offered: true, resultCode: 0 } })
    const always = [2, 3, 4, 5, 6].map((id): Step => ({ reply: () => ldapResult(id, ldapTags.extended, 1) }))
    expect(await probeWith([...searchDone, ...always, 'hang'], { options })).toMatchObject({
      reason: 'ldap-starttls-refused',
      facts: { security: 'plain', startTls: { offered: false, resultCode: 1 } },
    })
  })

  test('binds at most once, for any response', async () => {
    await using peer = await startHostile(inTls({ send: ldapResult(4, ldapTags.bind, 51) }, 'hang'))
    await runProbe(peer, { options })
    const [sent = Buffer.alloc(0)] = peer.received
    expect(sent.toString('latin1').split(password)).toHaveLength(2)
  })

  test('floods, drips and silence end inside TLS like outside', async () => {
    const flood = inTls({ send: Buffer.alloc(2 * 1024 * 1024, 0x30) }, 'hang')
    expect(await probeWith(flood, { options })).toMatchObject({ reason: 'protocol-violation' })
    const huge = inTls({ send: element(0x30, Buffer.alloc(2 * 1024 * 1024)) }, 'hang')
    expect(await probeWith(huge, { options })).toMatchObject({ reason: 'response-too-large' })
    const drip = inTls({ drip: ldapResult(4, ldapTags.bind, 0, 'x'.repeat(500)), everyMs: 10 })
    expect((await probeWith(drip, { options, deadlineMs: short })).reason).toBe('protocol-timeout')
    expect((await probeWith(inTls('hang'), { options, deadlineMs: short })).reason).toBe('protocol-timeout')
  })
})
