import { beforeAll, describe, expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { probeMssql } from '../../../src/probes/mssql/probe.ts'
import { type Certificate, peerAuthority } from '../../support/certificates.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { type MssqlEncryption, startMssql } from '../../support/peers/mssql.ts'
import { probeIo } from '../../support/probe-io.ts'
import { run } from '../../support/processes.ts'
import { packet, preloginResponse } from './responses.ts'

interface Address {
  host: string
  port: number
}

const hostName = 'sql.lab.test'
const probe = ({ host, port }: Address, options: OptionsByProtocol['mssql'] = {}, deadlineMs = 5_000) =>
  probeMssql({ host: hostName, address: host, port }, options, probeIo({ deadlineMs }))

describe('SQL Server, as [MS-TDS] has it respond', () => {
  test.each<[MssqlEncryption, string, object]>([
    ['required', 'mssql-tls-ok', { protocol: 'TLSv1.2' }],
    ['optional', 'mssql-tls-ok', { protocol: 'TLSv1.2' }],
    ['strict', 'mssql-tls-ok', { protocol: 'TLSv1.3', alpn: 'tds/8.0' }],
  ])('with encryption that is %s: its version and its certificate, twice the same, and no login', async (...row) => {
    const [encryption, expected, tls] = row
    await using server = await startMssql({ encryption })
    const seen = [await probe(server, { trustedCa: server.ca }), await probe(server, { trustedCa: server.ca })]
    expect(seen[0]).toMatchObject({ state: 'open', reason: expected })
    const mssql = { version: '16.0.1000.6', encryption }
    expect(seen[0]?.facts).toMatchObject({ ...tls, trusted: true, nameMatches: true, mssql })
    expect(seen[0]?.facts).not.toHaveProperty('spoke')
    expect(seen[0]?.facts).toEqual(seen[1]?.facts)
    expect(server.received).toEqual([])
  })

  test('without encryption has no TLS', async () => {
    await using server = await startMssql({ encryption: 'not-supported' })
    const mssql = { version: '16.0.1000.6', encryption: 'not-supported' }
    expect(await probe(server)).toEqual({ state: 'open', reason: 'mssql-without-tls', facts: { mssql } })
  })

  test.each<[MssqlEncryption, object]>([
    ['required', { 'TLSv1.1': 'refused', 'TLSv1.2': 'accepted', 'TLSv1.3': 'refused' }],
    ['strict', { 'TLSv1.1': 'refused', 'TLSv1.2': 'accepted', 'TLSv1.3': 'accepted' }],
  ])('has the TLS versions of a rule tried where encryption is %s', async (encryption, versions) => {
    await using server = await startMssql({ encryption })
    const { facts } = await probe(server, { offerVersions: ['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] })
    expect(facts.versions).toEqual(versions)
  })

  test('with a long chain shows it, although no packet holds it', async () => {
    const authority = await peerAuthority()
    const names = Array.from({ length: 300 }, (_, index) => `DNS:sql-${index}.lab.test`).join()
    const certificate = await authority.issue({ commonName: hostName, subjectAltName: names })
    await using server = await startMssql({ certificate })
    const { facts } = await probe(server, { trustedCa: server.ca })
    expect(facts).toMatchObject({ trusted: true, nameMatches: false })
    expect(facts.certificate?.sans).toHaveLength(300)
  })
})

describeWithPeers(['freetds'], 'FreeTDS', () => {
  const flags = { optional: '0', required: '3', 'not-supported': '2' } as const

  test.each(['optional', 'required', 'not-supported'] as const)(
    'meets the same encryption at the simulated server: %s',
    async (encryption) => {
      await using server = await startMssql({ encryption })
      const env = { ...process.env, TDSDUMP: 'stderr', TDSVER: '7.4' }
      const args = ['-H', server.host, '-p', `${server.port}`, '-U', 'unknown', '-P', 'none']
      const { stdout, stderr } = await run('tsql', args, { env, input: 'exit\n' })
      expect(`${stdout}${stderr}`).toContain(`detected crypt flag ${flags[encryption]}`)
      expect((await probe(server)).facts.mssql?.encryption).toBe(encryption)
      const login = 0x10
      expect(server.received).toEqual(encryption === 'not-supported' ? [] : [login])
    },
  )
})

const reply = (bytes: Uint8Array): Step => ({ reply: () => bytes })

describe('a peer that goes on otherwise', () => {
  const facts = { mssql: { version: '9.0.1399.0', encryption: 'required' } }
  const response = preloginResponse(3)
  test.each<[string, readonly Step[], string, object]>([
    ['is silent', hostile.silent, 'protocol-timeout', { spoke: 'nothing' }],
    ['ends without a byte', [{ receive: 1 }, 'end'], 'connection-closed', {}],
    ['resets', [{ receive: 1 }, { pauseMs: 20 }, 'reset'], 'connection-reset', {}],
    ['stops in a header', hostile.banner(response.subarray(0, 5)), 'protocol-timeout', {}],
    ['ends in its response', [reply(response.subarray(0, 20)), 'end'], 'connection-closed', {}],
    ['announces too much', hostile.banner(Buffer.from('0401ffff00000100', 'hex')), 'response-too-large', {}],
    [
      'announces nothing',
      hostile.banner(Buffer.from('0401000800000100', 'hex')),
      'protocol-mismatch',
      { spoke: 'other' },
    ],
    ['has no options', [reply(packet(Buffer.of(0xff))), 'hang'], 'protocol-violation', {}],
    [
      'has options beyond its end',
      [reply(packet(Buffer.from('00ffff0006010000ffffff', 'hex'))), 'hang'],
      'protocol-violation',
      {},
    ],
    ['has an encryption that does not exist', [reply(preloginResponse(9)), 'hang'], 'protocol-violation', {}],
    [
      'sends bytes in clear behind its response',
      [reply(Buffer.concat([response, Buffer.of(1)])), 'hang'],
      'protocol-violation',
      {},
    ],
    [
      'responds in clear to the handshake',
      [reply(response), { receive: 1 }, { send: 'hello there' }, 'hang'],
      'protocol-violation',
      facts,
    ],
    ['ends at the handshake', [reply(response), { receive: 1 }, 'end'], 'connection-closed', facts],
    ['is silent at the handshake', [reply(response), 'hang'], 'protocol-timeout', facts],
    [
      'sends an alert in a packet',
      [reply(response), { receive: 1 }, { send: packet(Buffer.from('15030300020250', 'hex'), 0x12) }, 'hang'],
      'tls-alert',
      { ...facts, alert: 80 },
    ],
    [
      'sends empty packets without end',
      [reply(response), { receive: 1 }, { send: Buffer.from('1200000800000100'.repeat(9), 'hex') }, 'hang'],
      'protocol-violation',
      facts,
    ],
  ])('%s', async (_what, script, reason, expected) => {
    await using peer = await startHostile(script)
    const seen = await probe(peer, {}, 700)
    expect(seen).toEqual({ state: 'open', reason, facts: expected })
  })

  test('is a closed port where nothing listens, as the dialler saw it', async () => {
    const peer = await startHostile([])
    await peer.stop()
    expect(await probe(peer)).toEqual({ state: 'closed', reason: 'connection-refused', facts: {} })
  })
})

describe('a peer of another protocol', () => {
  let identity: Certificate
  beforeAll(async () => {
    identity = await (await peerAuthority()).issue({ commonName: hostName, subjectAltName: `DNS:${hostName}` })
  })

  test.each<[string, readonly Step[], string]>([
    ['SSH', hostile.ssh, 'ssh'],
    ['SMTP', hostile.smtp, 'smtp'],
    ['HTTP', hostile.http, 'http'],
    ['a TLS alert', hostile.banner(Buffer.from('15030100020246', 'hex')), 'other'],
    ['bytes of no protocol', hostile.garbage, 'other'],
  ])('is recognised: %s', async (_what, script, spoke) => {
    await using peer = await startHostile(script)
    expect(await probe(peer, {}, 700)).toMatchObject({ state: 'open', reason: 'protocol-mismatch', facts: { spoke } })
  })

  test('that speaks TLS and no TDS in it is none', async () => {
    await using peer = await startHostile([
      { upgrade: identity },
      { receive: 1 },
      { send: 'HTTP/1.1 400 x\r\n\r\n' },
      'end',
    ])
    const { reason, facts } = await probe(peer, {}, 2_000)
    expect(['connection-closed', 'connection-reset', 'protocol-mismatch']).toContain(reason)
    expect(facts).not.toHaveProperty('mssql')
    expect(facts).not.toHaveProperty('protocol')
  })
})
