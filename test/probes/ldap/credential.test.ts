import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { probeLdap } from '../../../src/probes/ldap/probe.ts'
import { type Certificate, createAuthority, peerAuthority } from '../../support/certificates.ts'
import { element, ldapResult, ldapTags, rootDseResponse } from '../../support/ldap-bytes.ts'
import { listen } from '../../support/listen.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startHostile } from '../../support/peers/hostile.ts'
import { asPeer } from '../../support/peers/peer.ts'
import { type Slapd, startSlapd } from '../../support/peers/slapd.ts'
import { type Recording, startRecordingProxy, type Tamper } from '../../support/recording-proxy.ts'
import { watchedIo } from '../../support/watched-io.ts'

const startTlsOid = '1.3.6.1.4.1.1466.20037'
const requestsTls = ({ fromClient }: Recording) => fromClient.includes(startTlsOid)

const nothingMore = { last: Buffer.alloc(0) }

/** Tampers with the server's first bytes after the StartTLS request. */
const onStartTlsResponse = (change: (bytes: Buffer) => ReturnType<Tamper>): Tamper => {
  let done = false
  return (bytes, recording) => {
    if (done || !requestsTls(recording)) return bytes
    done = true
    return change(bytes)
  }
}

describeWithPeers(['slapd'], 'with a recording proxy on the path, the password', () => {
  let slapd: Slapd
  let bare: Slapd
  beforeAll(async () => {
    slapd = await startSlapd()
    bare = await startSlapd({ tls: false })
  })
  afterAll(() => Promise.all([slapd?.stop(), bare?.stop()]))

  async function recorded(tamper: Tamper | undefined, options: OptionsByProtocol['ldap'], peer = slapd, ldaps = false) {
    await using proxy = await startRecordingProxy({ host: peer.host, port: ldaps ? peer.ldapsPort : peer.port }, tamper)
    const [{ dn: user = '', password = '' } = {}] = peer.users
    const io = watchedIo({ credential: async () => ({ user, password }), deadlineMs: 3_000 })
    const endpoint = { host: peer.hostName, address: proxy.host, port: proxy.port }
    const seen = await probeLdap(endpoint, { credentialRef: 'env:LDAP_LOGIN', trustedCa: peer.ca, ...options }, io)
    const wire = Buffer.concat(proxy.recordings.flatMap(({ fromClient, fromServer }) => [fromClient, fromServer]))
    expect(wire.length).toBeGreaterThan(0)
    expect(wire.includes(password), 'the password on the wire').toBe(false)
    expect(wire.includes(user), 'the user on the wire').toBe(false)
    expect(proxy.recordings, 'connections').toHaveLength(1)
    expect(JSON.stringify(seen)).not.toContain(password)
    expect(io.left()).toEqual({ sockets: 0, waits: 0 })
    return { ...seen, resolved: io.resolved.length, wire }
  }

  test('is sent only inside verified TLS', async () => {
    expect(await recorded(undefined, {})).toMatchObject({ reason: 'ldap-bind-ok', resolved: 1 })
    expect(await recorded(undefined, { security: ['ldaps'] }, slapd, true)).toMatchObject({ reason: 'ldap-bind-ok' })
    const listed = await recorded(undefined, { security: ['plain'] })
    expect(listed).toMatchObject({ reason: 'ldap-bind-ok', facts: { security: 'starttls' } })
  })

  test('is verified with the CA of the vantage, if configured, not with that of the check', async () => {
    const theirs = (await createAuthority('Another authority')).ca
    const [{ dn: user = '', password = '' } = {}] = slapd.users
    const probeWith = async (credentialCa: string | undefined, trustedCa: string) => {
      const io = watchedIo({ credential: async () => ({ user, password }), credentialCa })
      const endpoint = { host: slapd.hostName, address: slapd.host, port: slapd.port }
      const { reason } = await probeLdap(endpoint, { credentialRef: 'env:LDAP_LOGIN', trustedCa }, io)
      return [reason, io.resolved.length]
    }
    expect(await probeWith(undefined, slapd.ca)).toEqual(['ldap-bind-ok', 1])
    expect(await probeWith(theirs, slapd.ca)).toEqual(['ldap-channel-unverified', 0])
    expect(await probeWith(slapd.ca, theirs)).toEqual(['ldap-bind-ok', 1])
  })

  test('would be recorded if it were sent in clear, like the dummy password', async () => {
    const { wire } = await recorded(undefined, { plainBind: true })
    expect(wire.includes('no-secret')).toBe(true)
  })

  test('is not sent if StartTLS is refused', async () => {
    expect(await recorded(undefined, {}, bare)).toMatchObject({ reason: 'ldap-starttls-refused', resolved: 0 })
  })

  const aBindThatSucceeds = ldapResult(4, ldapTags.bind, 0)
  test.each<[string, (response: Buffer) => Buffer]>([
    ['a response to the bind', (response) => Buffer.concat([response, aBindThatSucceeds])],
    ['one byte', (response) => Buffer.concat([response, Buffer.of(0x30)])],
    ['a second response', (response) => Buffer.concat([response, response])],
    ['a response before the StartTLS response', (response) => Buffer.concat([aBindThatSucceeds, response])],
    ['a response with another message id', () => ldapResult(7, ldapTags.extended, 0)],
    ['a response of another kind', () => ldapResult(2, ldapTags.bind, 0)],
    ['a response that is not LDAP', () => Buffer.from('+OK begin TLS\r\n')],
    ['a response with a malformed result', () => Buffer.from([0x30, 0x05, 0x02, 0x01, 0x02, 0x78, 0x00])],
  ])('is not sent if an attacker injects %s', async (_what, change) => {
    const seen = await recorded(onStartTlsResponse(change), {})
    expect(seen).toMatchObject({ state: 'open', reason: 'ldap-starttls-injection', resolved: 0 })
    expect(seen.facts).toMatchObject({ security: 'plain', rootDse: {} })
    expect(seen.facts.bind).toBeUndefined()
  })

  test('is not sent if the injected bytes arrive in a separate packet', async () => {
    let injected = false
    const seen = await recorded((bytes, recording) => {
      const isHandshake = requestsTls(recording) && recording.fromServer.length > 0 && bytes[0] === 0x16
      if (!isHandshake || injected) return bytes
      injected = true
      return Buffer.concat([aBindThatSucceeds, bytes])
    }, {})
    expect(seen).toMatchObject({ reason: 'ldap-starttls-injection', resolved: 0, facts: { tls: { spoke: 'other' } } })
  })

  test.each<[string, Tamper, string]>([
    ['at the StartTLS response', onStartTlsResponse(() => nothingMore), 'connection-closed'],
    ['in the handshake', (bytes) => (bytes[0] === 0x16 ? nothingMore : bytes), 'connection-closed'],
    [
      'after part of the handshake',
      (bytes) => (bytes[0] === 0x16 ? { last: bytes.subarray(0, 40) } : bytes),
      'tls-handshake-failed',
    ],
  ])('is not sent if the connection drops %s, and the probe does not reconnect', async (_what, tamper, reason) => {
    expect(await recorded(tamper, {})).toMatchObject({ state: 'open', reason, resolved: 0 })
  })

  test('is not sent if the handshake is corrupted', async () => {
    const garbled = await recorded((bytes) => (bytes[0] === 0x16 ? Buffer.from(bytes).fill(0xff, 60) : bytes), {})
    expect(garbled.state).toBe('open')
    expect(garbled.reason).toMatch(/^tls-/)
    expect(garbled.resolved).toBe(0)
  })

  test('is not sent if an attacker strips StartTLS', async () => {
    const refused = element(0x78, element(0x0a, Buffer.of(2)), element(0x04), element(0x04))
    const strip = onStartTlsResponse(() => element(0x30, element(0x02, Buffer.of(2)), refused))
    expect(await recorded(strip, { security: ['plain', 'starttls'] })).toMatchObject({
      reason: 'ldap-starttls-refused',
      resolved: 0,
    })
  })

  test.each<[string, OptionsByProtocol['ldap']]>([
    ['StartTLS', {}],
    ['LDAPS', { security: ['ldaps'] }],
  ])(
    'is not sent over %s if the certificate obliges the server to staple, and it staples nothing',
    async (via, options) => {
      const names = { commonName: slapd.hostName, subjectAltName: `DNS:${slapd.hostName}` }
      const certificate = await (await peerAuthority()).issue({ ...names, mustStaple: true })
      await using peer = await startSlapd({ certificate })
      expect(await recorded(undefined, options, peer, via === 'LDAPS')).toMatchObject({
        reason: 'ldap-channel-unverified',
        resolved: 0,
      })
    },
  )
})

/** TLS that staples, in front of a directory. */
async function startStapling({ cert, key }: Certificate, responsePath: string, { host, port }: Slapd) {
  const response = await readFile(responsePath)
  const server = createServer({ cert, key }, (client) => {
    const upstream = connect(port, host)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      from.on('error', () => to.destroy()).pipe(to)
  })
  server.on('tlsClientError', () => {}).on('OCSPRequest', (_certificate, _issuer, staple) => staple(null, response))
  const { close, ...at } = await listen(server)
  return asPeer(at, close)
}

describeWithPeers(['slapd', 'openssl'], 'after StartTLS, the password', () => {
  test.each([
    ['is', 'good', { reason: 'ldap-bind-ok', read: 1 }],
    ['is not', 'revoked', { reason: 'ldap-channel-unverified', read: 0 }],
  ] as const)('%s sent to a directory whose certificate is %s by its staple', async (_what, status, right) => {
    const authority = await peerAuthority()
    await using slapd = await startSlapd()
    const names = { commonName: slapd.hostName, subjectAltName: `DNS:${slapd.hostName}` }
    const certificate = await authority.issue({ ...names, mustStaple: true })
    if (status === 'revoked') await authority.revoke(certificate)
    await using tls = await startStapling(certificate, await authority.ocspResponse(certificate), slapd)
    const responses = [rootDseResponse(1), ldapResult(2, ldapTags.extended, 0)]
    await using peer = await startHostile([...responses.map((bytes) => ({ reply: () => bytes })), { relay: tls }])
    const [{ dn: user = '', password = '' } = {}] = slapd.users
    const io = watchedIo({ credential: async () => ({ user, password }), deadlineMs: 3_000 })
    const endpoint = { host: slapd.hostName, address: peer.host, port: peer.port }
    const { reason, facts } = await probeLdap(endpoint, { credentialRef: 'env:LDAP_LOGIN', trustedCa: slapd.ca }, io)
    expect({ reason, read: io.resolved.length }).toEqual(right)
    expect(facts.tls?.ocsp?.status).toBe(status)
  })
})
