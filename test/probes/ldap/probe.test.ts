import net from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import type { Endpoint, ProbeResult } from '../../../src/probes/engine/probe.ts'
import { probeLdap } from '../../../src/probes/ldap/probe.ts'
import { listen } from '../../support/listen.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startHttps } from '../../support/peers/https.ts'
import { type accountStates, type SambaAd, startSambaAd } from '../../support/peers/samba-ad.ts'
import { type Slapd, type SlapdOptions, startSlapd } from '../../support/peers/slapd.ts'
import { startTls, tlsCertificate } from '../../support/peers/tls.ts'
import { type WatchedIo, watchedIo } from '../../support/watched-io.ts'

type Options = OptionsByProtocol['ldap']
type Login = { user: string; password: string }

const ref = 'env:LDAP_LOGIN'

/** Runs one probe, which must release everything. */
async function runProbe(
  endpoint: Endpoint,
  options: Options,
  login?: Login,
): Promise<ProbeResult<'ldap'> & { io: WatchedIo }> {
  const io = watchedIo({ credential: async () => login ?? { refused: 'credential-unavailable' } })
  const seen = await probeLdap(endpoint, options, io)
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  expect(io.connections()).toBe(1)
  expect(JSON.stringify(seen)).not.toContain(login?.password ?? 'no password')
  return { ...seen, io }
}

describeWithPeers(['samba-ad'], 'Active Directory', () => {
  let samba: SambaAd
  beforeAll(async () => {
    samba = await startSambaAd()
  })
  afterAll(() => samba?.stop())

  const at = (port: keyof SambaAd['ports'], host = samba.hostName): Endpoint => ({
    host,
    address: samba.host,
    port: samba.ports[port],
  })
  const login = (state: (typeof accountStates)[number], password?: string): Login => ({
    user: samba.accounts[state].principal,
    password: password ?? samba.accounts[state].password,
  })

  test.each(['ldap', 'globalCatalog'] as const)(
    'identifies the domain controller on plain %s without a bind',
    async (port) => {
      const { state, reason, facts, measurements } = await runProbe(at(port), {})
      expect({ state, reason }).toEqual({ state: 'open', reason: 'ldap-responded' })
      expect(facts).toEqual({
        security: 'plain',
        activeDirectory: true,
        rootDse: {
          dnsHostName: samba.hostName,
          defaultNamingContext: samba.base,
          ldapServiceName: 'ad.lab.test:dc1$@AD.LAB.TEST',
          domainFunctionality: 4,
          forestFunctionality: 4,
          domainControllerFunctionality: 4,
          supportedSaslMechanisms: ['GSS-SPNEGO', 'GSSAPI', 'NTLM'],
          supportedCapabilities: expect.arrayContaining(['1.2.840.113556.1.4.800']),
          isGlobalCatalogReady: true,
          isSynchronized: true,
        },
      })
      expect(Math.abs(measurements?.clockSkewMs ?? Number.NaN)).toBeLessThan(1_000) // ±500 ms, on one clock
    },
  )

  test('gives the same facts each time', async () => {
    const [first, second] = [await runProbe(at('ldap'), {}), await runProbe(at('ldap'), {})]
    expect(first.facts).toEqual(second.facts)
  })

  test.each([
    ['ldap', 'starttls'],
    ['ldaps', 'ldaps'],
    ['globalCatalog', 'starttls'],
    ['globalCatalogTls', 'ldaps'],
  ] as const)('binds on %s over %s', async (port, security) => {
    const { reason, facts } = await runProbe(at(port), { credentialRef: ref, trustedCa: samba.ca }, login('good'))
    expect(reason).toBe('ldap-bind-ok')
    expect(facts).toMatchObject({
      security,
      activeDirectory: true,
      rootDse: { dnsHostName: samba.hostName },
      tls: { trusted: true, nameMatches: true },
      bind: { as: 'credential', resultCode: 0, resultName: 'success' },
    })
    expect(facts.startTls).toEqual(security === 'starttls' ? { offered: true, resultCode: 0 } : undefined)
  })

  const refusals = {
    disabled: 'ldap-account-disabled',
    locked: 'ldap-account-locked',
    expired: 'ldap-account-expired',
    mustChange: 'ldap-password-must-change',
    outsideHours: 'ldap-logon-hours',
    otherWorkstation: 'ldap-workstation-not-allowed',
    passwordExpired: 'ldap-password-expired',
  } as const
  test.each(Object.entries(refusals))('reports the state of the account: %s', async (state, reason) => {
    const account = login(state as keyof typeof refusals)
    const seen = await runProbe(at('ldap'), { credentialRef: ref, trustedCa: samba.ca }, account)
    expect(seen.reason).toBe(reason)
    const { adCode } = samba.accounts[state as keyof typeof refusals]
    expect(seen.facts.bind).toEqual({ as: 'credential', resultCode: 49, resultName: 'invalidCredentials', adCode })
  })

  test.each([
    ['a wrong password', () => login('otherWorkstation', 'wrong')],
    ['an unknown user', () => ({ user: 'no-such-user@ad.lab.test', password: 'wrong' })],
  ])('refuses %s as invalid credentials', async (_what, account) => {
    const seen = await runProbe(at('ldaps'), { credentialRef: ref, trustedCa: samba.ca }, account())
    expect(seen.reason).toBe('ldap-invalid-credentials')
    expect(seen.facts.bind).toMatchObject({ resultCode: 49, adCode: '52e' })
  })

  test('shows on plain LDAP, without a credential, that it is reachable and demands protection', async () => {
    const seen = await runProbe(at('ldap'), { plainBind: true })
    expect(seen.reason).toBe('ldap-stronger-auth-required')
    expect(seen.facts).toMatchObject({
      security: 'plain',
      activeDirectory: true,
      plainBind: { resultCode: 8, resultName: 'strongerAuthRequired' },
    })
    expect(seen.facts.bind).toBeUndefined()
    expect(seen.io.resolved).toEqual([])
  })

  test('shows that it accepts passwords in clear if it does', async () => {
    await using lax = await startSambaAd({ strongAuth: 'no' })
    const seen = await runProbe({ host: lax.hostName, address: lax.host, port: lax.ports.ldap }, { plainBind: true })
    expect(seen.reason).toBe('ldap-responded')
    expect(seen.facts.plainBind).toEqual({ resultCode: 49, resultName: 'invalidCredentials' })
  })

  test('binds after the attempt in clear on the same connection', async () => {
    const options = { plainBind: true, credentialRef: ref, trustedCa: samba.ca }
    const seen = await runProbe(at('ldap'), options, login('good'))
    expect(seen.reason).toBe('ldap-bind-ok')
    expect(seen.facts).toMatchObject({ plainBind: { resultCode: 8 }, bind: { resultCode: 0 } })
  })

  test.each(['ldaps', 'globalCatalogTls'] as const)(
    'reads %s inside TLS even without a trust requirement',
    async (port) => {
      const { reason, facts } = await runProbe(at(port), {})
      expect(reason).toBe('ldap-responded')
      expect(facts).toMatchObject({ security: 'ldaps', activeDirectory: true, tls: { trusted: false } })
    },
  )

  test('resets TLS on its plain port', async () => {
    expect(await runProbe(at('ldap'), { security: ['ldaps'] })).toMatchObject({
      state: 'open',
      reason: 'connection-reset',
    })
  })

  test('is recognized by LDAPS on any port, after it has reset plain LDAP there', async () => {
    const io = watchedIo()
    const connect = (to: Endpoint) => io.connect({ ...to, port: samba.ports.ldaps }) // with the real port number the probe would begin TLS
    const seen = await probeLdap(at('ldap'), { trustedCa: samba.ca }, { ...io, connect })
    expect(seen).toMatchObject({ state: 'open', reason: 'ldap-responded' })
    expect(seen.facts).toMatchObject({ security: 'ldaps', activeDirectory: true, tls: { trusted: true } })
    expect(io.connections()).toBe(2)
    expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  })
})

describeWithPeers(['slapd'], 'OpenLDAP', () => {
  let slapd: Slapd
  beforeAll(async () => {
    slapd = await startSlapd()
  })
  afterAll(() => slapd?.stop())

  const at = (port: 'port' | 'ldapsPort', peer = slapd, host = peer.hostName): Endpoint => ({
    host,
    address: peer.host,
    port: peer[port],
  })
  const login = (peer = slapd): Login => ({ user: peer.users[0]?.dn ?? '', password: peer.users[0]?.password ?? '' })

  /** Probes a dedicated directory with this setup. */
  async function probeWith(setup: SlapdOptions, port: 'port' | 'ldapsPort', options: Options) {
    await using peer = await startSlapd(setup)
    return await runProbe(at(port, peer), { trustedCa: peer.ca, ...options }, login(peer))
  }

  test('responds, and is not Active Directory', async () => {
    const { reason, facts, measurements } = await runProbe(at('port'), {})
    expect(reason).toBe('ldap-responded')
    expect(facts).toEqual({
      security: 'plain',
      activeDirectory: false,
      rootDse: { supportedSaslMechanisms: expect.arrayContaining(['DIGEST-MD5']) },
    })
    expect(measurements).toBeUndefined()
  })

  test.each([
    ['starttls', 'port'],
    ['ldaps', 'ldapsPort'],
  ] as const)('binds over %s, with the name and with the address', async (security, port) => {
    for (const host of [slapd.hostName, slapd.host]) {
      const options: Options = { security: [security], credentialRef: ref, trustedCa: slapd.ca }
      const { reason, facts } = await runProbe(at(port, slapd, host), options, login())
      expect(reason).toBe('ldap-bind-ok')
      expect(facts).toMatchObject({ security, tls: { trusted: true, nameMatches: true }, bind: { resultCode: 0 } })
    }
  })

  test('ends with an unbind', async () => {
    const before = slapd.log().match(/ UNBIND/g)?.length ?? 0
    await runProbe(at('port'), { security: ['starttls'], credentialRef: ref, trustedCa: slapd.ca }, login())
    await slapd.logged(new RegExp(`( UNBIND[^]*){${before + 1}}`))
  })

  test('a rule can require a verified channel without a bind', async () => {
    const request: Options = { security: ['starttls', 'ldaps'], trustedCa: slapd.ca }
    const verified = await runProbe(at('port'), request)
    expect(verified.reason).toBe('ldap-responded')
    expect(verified.facts).toMatchObject({ security: 'starttls', tls: { trusted: true } })
    const unverified = await runProbe(at('port', slapd, 'other.lab.test'), request)
    expect(unverified.reason).toBe('ldap-channel-unverified')
    expect(unverified.facts).toMatchObject({ security: 'starttls', tls: { nameMatches: false } })
  })

  test('repeats over StartTLS what it read in clear', async () => {
    const [plain, secure] = [await runProbe(at('port'), {}), await runProbe(at('port'), { security: ['starttls'] })]
    expect(plain.facts.rootDse?.supportedSaslMechanisms).not.toContain('PLAIN')
    expect(secure.facts.rootDse?.supportedSaslMechanisms).toContain('PLAIN') // offered under encryption only
  })

  test('starts TLS with forty concurrent probes', async () => {
    const probes = Array.from({ length: 40 }, () =>
      runProbe(at('port'), { security: ['starttls'], trustedCa: slapd.ca }),
    )
    for (const { facts } of await Promise.all(probes)) expect(facts.startTls).toEqual({ offered: true, resultCode: 0 })
  })

  test.each<[string, SlapdOptions, Options, string, object]>([
    [
      'has no certificate',
      { tls: false },
      { credentialRef: ref },
      'ldap-starttls-refused',
      { startTls: { offered: false, resultCode: 2 } },
    ],
    [
      'has no certificate, where plain is allowed too',
      { tls: false },
      { security: ['plain', 'starttls'] },
      'ldap-responded',
      { security: 'plain', startTls: { offered: false, resultCode: 2 } },
    ],
    [
      'demands more protection than TLS gives',
      { extra: 'security simple_bind=512' },
      { credentialRef: ref },
      'ldap-confidentiality-required',
      { bind: { resultCode: 13, resultName: 'confidentialityRequired' } },
    ],
    [
      'demands protection of an attempt in clear',
      { requireTls: true },
      { plainBind: true },
      'ldap-confidentiality-required',
      { plainBind: { resultCode: 13 } },
    ],
    [
      'demands encryption of every request in clear',
      { extra: 'security ssf=128' },
      { plainBind: true },
      'ldap-confidentiality-required',
      { security: 'plain', rootDse: {}, plainBind: { resultCode: 13, resultName: 'confidentialityRequired' } },
    ],
    [
      'demands encryption of every request, and gets it',
      { extra: 'security ssf=128' },
      { credentialRef: ref, plainBind: true },
      'ldap-bind-ok',
      { security: 'starttls', plainBind: { resultCode: 13 }, bind: { resultCode: 0 } },
    ],
    [
      'demands protection for each database, and hides its rootDSE',
      { extra: 'require bind' },
      { plainBind: true },
      'ldap-responded',
      { plainBind: { resultCode: 49, inventedBase: true } },
    ],
    [
      'demands protection in one of its databases only',
      { extra: 'moduleload back_null\ndatabase null\nsuffix dc=strict\nsecurity simple_bind=128' },
      { plainBind: true },
      'ldap-responded',
      { plainBind: { resultCode: 49 } },
    ],
    ['accepts passwords in clear', {}, { plainBind: true }, 'ldap-responded', { plainBind: { resultCode: 49 } }],
    [
      'disallows simple binds',
      { extra: 'disallow bind_simple' },
      { credentialRef: ref },
      'ldap-unwilling',
      { bind: { resultCode: 53, resultName: 'unwillingToPerform' } },
    ],
    ['disallows anonymous binds', { disallowAnonymous: true }, {}, 'ldap-responded', { activeDirectory: false }],
    [
      'hides its rootDSE from anonymous clients',
      { extra: 'require bind' },
      {},
      'ldap-responded',
      { security: 'plain', rootDse: {} },
    ],
    [
      'hides its rootDSE from anonymous clients and accepts users',
      { extra: 'require bind' },
      { credentialRef: ref },
      'ldap-bind-ok',
      { security: 'starttls', rootDse: {} },
    ],
    [
      'speaks TLS 1.1 only',
      { extra: 'TLSCipherSuite NORMAL:-VERS-ALL:+VERS-TLS1.1' },
      { credentialRef: ref },
      'ldap-channel-unverified',
      { tls: { protocol: 'TLSv1.1', trusted: true } },
    ],
    [
      'requires a client certificate',
      { extra: 'TLSVerifyClient demand' },
      { credentialRef: ref },
      'tls-client-certificate-required',
      { security: 'plain' },
    ],
  ])('one that %s', async (_what, setup, options, reason, facts) => {
    const seen = await probeWith(setup, 'port', options)
    expect(seen).toMatchObject({ state: 'open', reason, facts })
  })

  test.each(['1.2', '1.3'])('one that asks for a client certificate, TLS %s, demands none', async (version) => {
    const extra = `TLSVerifyClient try\nTLSCipherSuite NORMAL:-VERS-ALL:+VERS-TLS${version}`
    const seen = await probeWith({ extra }, 'ldapsPort', { security: ['ldaps'] })
    expect(seen).toMatchObject({ reason: 'ldap-responded', facts: { tls: { protocol: `TLSv${version}` } } })
    expect(seen.facts.tls).not.toHaveProperty('clientCertificate')
  })

  test('an LDAPS port without a certificate', async () => {
    expect(await probeWith({ tls: false }, 'ldapsPort', { security: ['ldaps'] })).toMatchObject({
      reason: 'connection-closed',
    })
    await using slapd = await startSlapd({ tls: false })
    const io = watchedIo()
    const endpoint = { host: slapd.hostName, address: slapd.host, port: slapd.ldapsPort }
    expect(await probeLdap(endpoint, {}, io)).toEqual({ state: 'open', reason: 'connection-closed', facts: {} })
    expect(io.connections()).toBe(2)
  })

  test.each<[Options, string, object]>([
    [{}, 'ldap-responded', {}],
    [{ security: ['plain', 'ldaps'] }, 'ldap-responded', {}],
    [{ plainBind: true }, 'ldap-responded', {}],
    [{ credentialRef: ref }, 'ldap-bind-ok', { bind: { resultCode: 0 } }],
    [{ security: ['starttls'], credentialRef: ref }, 'ldap-bind-ok', { bind: { resultCode: 0 } }],
  ])('is found by LDAPS on any port: %j', async (options, reason, facts) => {
    const io = watchedIo({ credential: async () => login() })
    const seen = await probeLdap(at('ldapsPort'), { ...options, trustedCa: slapd.ca }, io)
    expect(seen).toMatchObject({
      state: 'open',
      reason,
      facts: { security: 'ldaps', tls: { trusted: true }, ...facts },
    })
    expect(seen.facts).not.toHaveProperty('spoke')
    expect(seen.facts).not.toHaveProperty('plainBind')
    expect(io.connections()).toBe(2)
    expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  })

  test('is found by LDAPS behind a port that waits for TLS in silence', async () => {
    const io = watchedIo({ deadlineMs: 1_000 })
    const silent = net.createServer()
    const listening = await listen(silent)
    onTestFinished(listening.close)
    let connections = 0
    const connect = (to: Endpoint) => io.connect(connections++ === 0 ? { ...to, port: listening.port } : to)
    const seen = await probeLdap(at('ldapsPort'), {}, { ...io, connect })
    expect(seen).toMatchObject({ reason: 'ldap-responded', facts: { security: 'ldaps' } })
    expect(seen.facts).not.toHaveProperty('spoke')
  })

  test.each([
    ['a wrong password', { password: 'wrong' }, 'ldap-invalid-credentials', 49],
    ['a user that is not a DN', { user: 'svc-audit' }, 'ldap-invalid-dn', 34],
  ])('refuses %s', async (_what, change, reason, resultCode) => {
    const account = { ...login(), ...change }
    const seen = await runProbe(at('port'), { credentialRef: ref, trustedCa: slapd.ca }, account)
    expect(seen).toMatchObject({ reason, facts: { bind: { as: 'credential', resultCode } } })
    expect(seen.facts.bind?.adCode).toBeUndefined()
  })

  describe('the credential', () => {
    test.each([
      ['not available', 'credential-unavailable'],
      ['not allowed there', 'credential-not-allowed'],
    ] as const)('is %s: the probe reports it, with the facts so far', async (_what, reason) => {
      const io = watchedIo({ credential: async () => ({ refused: reason }) })
      const seen = await probeLdap(at('port'), { credentialRef: ref, trustedCa: slapd.ca }, io)
      expect(seen).toMatchObject({ state: 'open', reason, facts: { security: 'starttls', tls: { trusted: true } } })
      expect(seen.facts.bind).toBeUndefined()
    })

    test.each([
      ['has an empty password', async () => ({ ...login(), password: '' })],
      ['has an empty user', async () => ({ ...login(), user: '' })],
    ])('%s: it is unavailable, and nothing is sent', async (_what, credential) => {
      const io = watchedIo({ credential, deadlineMs: 500 })
      const seen = await probeLdap(at('port'), { credentialRef: ref, trustedCa: slapd.ca }, io)
      expect(seen.reason).toBe('credential-unavailable')
      expect(seen.facts.bind).toBeUndefined()
      expect(io.left()).toEqual({ sockets: 0, waits: 0 })
    })

    test.each([
      ['an untrusted authority', {}, { trustedCa: undefined }, 'ldap1.lab.test'],
      ['another name', {}, {}, 'other.lab.test'],
      ['a date in the past', { certificate: 'expired' }, {}, 'good.lab.test'],
      ['a date in the future', { certificate: 'not-yet-valid' }, {}, 'good.lab.test'],
      ['its own signature', { certificate: 'self-signed' }, {}, 'good.lab.test'],
      [
        'a key that is too short',
        { certificate: 'weak', extra: 'TLSCipherSuite NORMAL:%PROFILE_VERY_WEAK' },
        {},
        'good.lab.test',
      ],
    ] as const)('is not even read for a certificate with %s', async (_what, setup, options, host) => {
      const { certificate, ...rest } = { certificate: undefined, ...setup }
      await using peer = await startSlapd({ ...rest, certificate: certificate && (await tlsCertificate(certificate)) })
      for (const port of ['port', 'ldapsPort'] as const) {
        const security = port === 'port' ? 'starttls' : 'ldaps'
        const request: Options = { security: [security], credentialRef: ref, trustedCa: peer.ca, ...options }
        const seen = await runProbe(at(port, peer, host), request, login(peer))
        expect(seen).toMatchObject({ reason: 'ldap-channel-unverified', facts: { security } })
        expect(seen.io.resolved).toEqual([])
      }
    })
  })
})

describeWithPeers(['openssl'], 'other TLS servers', () => {
  test('a server that requires a client certificate', async () => {
    for (const variant of ['client-certificate-tls1.2', 'client-certificate-tls1.3'] as const) {
      await using peer = await startTls(variant)
      const seen = await runProbe({ host: peer.hostName, address: peer.host, port: peer.port }, { security: ['ldaps'] })
      expect(seen).toMatchObject({
        state: 'open',
        reason: 'tls-client-certificate-required',
        facts: { tls: { clientCertificate: 'required' } },
      })
    }
  })

  test('an HTTPS server on a port for LDAPS', async () => {
    await using peer = await startHttps()
    const seen = await runProbe({ host: 'localhost', address: peer.host, port: peer.port }, { security: ['ldaps'] })
    expect(seen).toMatchObject({ state: 'open', reason: 'protocol-mismatch', facts: { spoke: 'http' } })
  })
})

test('without a connection, the outcome of the connect is the result', async () => {
  const io = { ...watchedIo(), connect: async () => ({ state: 'filtered', reason: 'no-response' }) as const }
  const seen = await probeLdap({ host: 'dc.lab.test', address: '192.0.2.1', port: 389 }, {}, io)
  expect(seen).toEqual({ state: 'filtered', reason: 'no-response', facts: {} })
})
