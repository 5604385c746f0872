import { beforeAll, describe, expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { probeSmtp } from '../../../src/probes/smtp/probe.ts'
import { type Certificate, peerAuthority } from '../../support/certificates.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startExim } from '../../support/peers/exim.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { startTls } from '../../support/peers/tls.ts'
import { probeIo } from '../../support/probe-io.ts'
import { mustRun } from '../../support/processes.ts'

interface Address {
  host: string
  port: number
}

const hostName = 'mail.lab.test'
const probe = ({ host, port }: Address, options: OptionsByProtocol['smtp'] = {}, deadlineMs = 5_000) =>
  probeSmtp({ host: hostName, address: host, port }, options, probeIo({ deadlineMs }))

describeWithPeers(['exim'], 'Exim', () => {
  test('offers STARTTLS: the facts of SMTP and those of TLS, and one session that ends with QUIT', async () => {
    await using exim = await startExim()
    const { state, reason, facts, measurements } = await probe(exim, { trustedCa: exim.ca })
    expect({ state, reason }).toEqual({ state: 'open', reason: 'smtp-starttls-ok' })
    expect(facts.smtp).toMatchObject({
      greeting: expect.stringMatching(/^ESMTP Exim [\d.]+$/),
      extensions: expect.arrayContaining(['STARTTLS', 'PIPELINING', expect.stringMatching(/^SIZE \d+$/)]),
      startTls: { offered: true, replyCode: 220 },
    })
    expect(facts).toMatchObject({ protocol: 'TLSv1.3', trusted: true, nameMatches: true })
    expect(facts).not.toHaveProperty('spoke')
    expect(measurements?.chainExpiresAt).toBe(facts.certificate?.notAfter)
    await expect.poll(exim.log).toMatch(/closed by QUIT/)
    expect(await exim.log()).not.toMatch(/TLS error|synchronization error|syntactically invalid/)
  })

  test('shows the same facts twice, although its greeting has the time', async () => {
    await using exim = await startExim()
    const seen = [await probe(exim), await probe(exim)]
    expect(seen[0]?.facts).toEqual(seen[1]?.facts)
  })

  test('without TLS speaks SMTP and does not offer STARTTLS', async () => {
    await using exim = await startExim({ tls: false })
    const { reason, facts } = await probe(exim)
    expect(reason).toBe('smtp-starttls-not-offered')
    expect(facts.smtp?.startTls).toEqual({ offered: false })
    expect(facts).not.toHaveProperty('protocol')
    await expect.poll(exim.log).toMatch(/closed by QUIT/)
  })

  test('has the TLS versions of a rule tried, one session each', async () => {
    await using exim = await startExim({ extra: 'tls_require_ciphers = NORMAL:-VERS-ALL:+VERS-TLS1.2' })
    const { facts } = await probe(exim, {
      trustedCa: exim.ca,
      offerVersions: ['SSLv3', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'],
    })
    expect(facts.protocol).toBe('TLSv1.2')
    expect(facts.versions).toEqual({
      SSLv3: 'not-tested',
      'TLSv1.1': 'refused',
      'TLSv1.2': 'accepted',
      'TLSv1.3': 'refused',
    })
  })

  test('with an expired certificate shows it all the same', async () => {
    const authority = await peerAuthority()
    const request = { commonName: hostName, subjectAltName: `DNS:${hostName}`, fromDays: -20, toDays: -10 }
    await using exim = await startExim({ certificate: await authority.issue(request) })
    const { reason, facts } = await probe(exim, { trustedCa: exim.ca })
    expect(reason).toBe('smtp-starttls-ok')
    expect(Date.parse(facts.certificate?.notAfter ?? '')).toBeLessThan(Date.now())
  })

  test('that demands a client certificate says so', async () => {
    await using exim = await startExim({ extra: 'tls_verify_hosts = *' })
    const { reason, facts } = await probe(exim)
    expect(reason).toBe('tls-client-certificate-required')
    expect(facts.smtp?.startTls?.offered).toBe(true)
  })

  test('that refuses this vantage is a refusal with its code, before and after the greeting', async () => {
    const refusing = (acl: string) => startExim({ extra: `acl_smtp_${acl} = deny` })
    await using greets = await startExim({ extra: 'host_reject_connection = *' })
    expect(await probe(greets)).toEqual({
      state: 'open',
      reason: 'smtp-refused',
      facts: { smtp: { refusedWith: 554 } },
    })
    await using refusesHello = await refusing('helo')
    const { reason, facts } = await probe(refusesHello)
    expect({ reason, code: facts.smtp?.refusedWith }).toEqual({ reason: 'smtp-refused', code: 550 })
  })

  test('that offers STARTTLS may refuse it when it is requested', async () => {
    await using exim = await startExim({ extra: 'acl_smtp_starttls = refuse' })
    const { reason, facts } = await probe(exim)
    expect(reason).toBe('smtp-starttls-refused')
    expect(facts.smtp?.startTls).toEqual({ offered: true, replyCode: expect.any(Number) })
    expect(facts).not.toHaveProperty('protocol')
  })
})

const greeting = { send: '220 mail.lab.test ESMTP peer\r\n' } as const
const offer = '250-mail.lab.test\r\n250 STARTTLS\r\n'
const reply = (text: string): Step => ({ reply: () => text })

describeWithPeers(['openssl'], 'a server that staples after STARTTLS', () => {
  test.each([
    ['ocsp-stapled', 'good'],
    ['ocsp-revoked', 'revoked'],
    ['ocsp-revoked-tls1.2', 'revoked'],
  ] as const)('%s shows that its certificate is %s, as openssl s_client', async (variant, status) => {
    await using tls = await startTls(variant)
    await using peer = await startHostile([greeting, reply(offer), reply('220 go on\r\n'), { relay: tls }])
    const { reason, facts } = await probe(peer, { trustedCa: tls.ca })
    expect({ reason, ocsp: facts.ocsp?.status }).toEqual({ reason: 'smtp-starttls-ok', ocsp: status })
    const args = ['-starttls', 'smtp', '-status', '-connect', `${peer.host}:${peer.port}`]
    expect(await mustRun('openssl', ['s_client', ...args], { input: 'Q\n' })).toContain(`Cert Status: ${status}`)
  })
})

describe('a peer that goes on otherwise', () => {
  const facts = { smtp: { greeting: 'ESMTP peer' } }
  const offered = { smtp: { ...facts.smtp, extensions: ['STARTTLS'], startTls: { offered: true } } }
  test.each<[string, readonly Step[], string, object]>([
    ['is silent', hostile.silent, 'protocol-timeout', { spoke: 'nothing' }],
    ['ends without a greeting', ['end'], 'connection-closed', {}],
    ['resets without a greeting', [{ pauseMs: 20 }, 'reset'], 'connection-reset', {}],
    ['stops in its greeting', hostile.banner('220 ma'), 'protocol-timeout', {}],
    ['stops between the lines of its greeting', hostile.banner('220-mail\r\n'), 'protocol-timeout', {}],
    ['ends in its greeting', [{ send: '22' }, 'end'], 'connection-closed', {}],
    ['has two codes in one greeting', hostile.banner('220-a\r\n221 b\r\n'), 'protocol-violation', {}],
    ['has NUL in its greeting', hostile.banner('220 a\0b\r\n'), 'protocol-violation', {}],
    ['has a greeting in a huge line', hostile.banner(`220 ${'a'.repeat(3_000)}\r\n`), 'protocol-violation', {}],
    ['has a greeting of very many lines', hostile.banner('220-a\r\n'.repeat(101)), 'response-too-large', {}],
    [
      'is too busy',
      hostile.banner('421 mail.lab.test busy\r\n'),
      'smtp-refused-for-now',
      { smtp: { refusedWith: 421 } },
    ],
    ['takes no mail', hostile.banner('554 mail.lab.test none\r\n'), 'smtp-refused', { smtp: { refusedWith: 554 } }],
    ['goes after the greeting', [greeting, { receive: 5 }, 'end'], 'connection-closed', facts],
    ['is silent after the greeting', [greeting, 'hang'], 'protocol-timeout', facts],
    [
      'speaks before any command',
      [{ send: '220 mail.lab.test ESMTP peer\r\n250 STARTTLS\r\n' }, 'hang'],
      'protocol-violation',
      facts,
    ],
    ['responds to EHLO with no reply', [greeting, reply('hello\r\n'), 'hang'], 'protocol-violation', facts],
    ['responds to EHLO with another success', [greeting, reply('251 x\r\n'), 'hang'], 'protocol-violation', facts],
    [
      'knows HELO only',
      [greeting, reply('500 what\r\n'), reply('250 mail.lab.test\r\n'), 'hang'],
      'smtp-starttls-not-offered',
      { smtp: { ...facts.smtp, extensions: [], startTls: { offered: false } } },
    ],
    [
      'refuses STARTTLS',
      [greeting, reply(offer), reply('454 not now\r\n'), 'hang'],
      'smtp-starttls-refused',
      { smtp: { ...offered.smtp, startTls: { offered: true, replyCode: 454 } } },
    ],
    ['ends at STARTTLS', [greeting, reply(offer), { receive: 5 }, 'end'], 'connection-closed', offered],
    [
      'responds to STARTTLS before it comes',
      [greeting, reply(`${offer}220 go\r\n`), 'hang'],
      'protocol-violation',
      offered,
    ],
  ])('%s', async (_what, script, reason, expected) => {
    await using peer = await startHostile(script)
    expect(await probe(peer, {}, 500)).toEqual({ state: 'open', reason, facts: expected })
  })

  test('is a closed port where nothing listens, as the dialler saw it', async () => {
    const peer = await startHostile([])
    await peer.stop()
    expect(await probe(peer)).toEqual({ state: 'closed', reason: 'connection-refused', facts: {} })
  })
})

describe('a peer of another protocol', () => {
  test.each<[string, readonly Step[], string]>([
    ['SSH', hostile.ssh, 'ssh'],
    ['SSH that ends', [{ send: 'SSH-2.0-x' }, 'end'], 'ssh'],
    ['HTTP that responds to nothing', hostile.banner('HTTP/1.1 408 Request Timeout\r\n\r\n'), 'http'],
    ['NNTP', hostile.banner('200 news.lab.test ready\r\n'), 'other'],
    ['POP3', hostile.banner('+OK ready\r\n'), 'other'],
    ['FTP before the login', [{ send: '220 files\r\n' }, reply('530 Please login.\r\n'), 'hang'], 'other'],
    ['FTP without EHLO', [{ send: '220 files\r\n' }, reply('500 EHLO?\r\n'), reply('500 HELO?\r\n'), 'hang'], 'other'],
    ['a TLS alert', hostile.banner(Buffer.from('15030100020246', 'hex')), 'other'],
    ['a line that is too long', hostile.banner('a'.repeat(2_049)), 'other'],
    ['bytes of no protocol', hostile.garbage, 'other'],
  ])('is recognised: %s', async (_what, script, spoke) => {
    await using peer = await startHostile(script)
    expect(await probe(peer, {}, 500)).toEqual({ state: 'open', reason: 'protocol-mismatch', facts: { spoke } })
  })

  test('that waits for a request hears nothing from a client of SMTP', async () => {
    await using peer = await startHostile(hostile.http)
    expect(await probe(peer, {}, 300)).toMatchObject({ reason: 'protocol-timeout', facts: { spoke: 'nothing' } })
    expect(peer.received.map(String)).toEqual([''])
  })
})

describe('what is sent', () => {
  test('is EHLO with an address literal and QUIT, and no mail', async () => {
    await using peer = await startHostile([greeting, reply('250 mail.lab.test\r\n'), reply('221 bye\r\n'), 'end'])
    await probe(peer)
    expect(String(peer.received[0])).toBe('EHLO [127.0.0.1]\r\nQUIT\r\n')
  })

  test('is the address literal of IPv6 over IPv6', async () => {
    await using peer = await startHostile([greeting, reply('250 mail.lab.test\r\n'), 'hang'], { host: '::1' })
    await probe(peer)
    expect(String(peer.received[0])).toMatch(/^EHLO \[IPv6:::1\]\r\n/)
  })
})

describe('after STARTTLS', () => {
  let identity: Certificate
  beforeAll(async () => {
    identity = await (await peerAuthority()).issue({ commonName: hostName, subjectAltName: `DNS:${hostName}` })
  })
  const upTo220 = (goAhead: string): Step[] => [
    greeting,
    reply(offer),
    { receive: 'STARTTLS\r\n'.length },
    { send: goAhead },
  ]

  test.each<[string, () => Step[]]>([
    [
      'a reply in clear behind the 220',
      () => [...upTo220('220 go\r\n250 injected\r\n'), { upgrade: identity }, 'hang'],
    ],
    ['one byte in clear behind the 220', () => [...upTo220('220 go\r\n2'), { upgrade: identity }, 'hang']],
    [
      'a reply in clear a little later, instead of TLS',
      () => [...upTo220('220 go\r\n'), { pauseMs: 50 }, { send: '250 injected\r\n' }, 'hang'],
    ],
  ])('plaintext is an injection, and no TLS fact is believed: %s', async (_what, script) => {
    await using peer = await startHostile(script())
    const { reason, facts } = await probe(peer)
    expect(reason).toBe('smtp-starttls-injection')
    expect(Object.keys(facts)).toEqual(['smtp'])
  })

  test('commands are in TLS only, and QUIT is the last', async () => {
    const quit: Step = reply('221 bye\r\n')
    await using peer = await startHostile([...upTo220('220 go\r\n'), { upgrade: identity }, quit, 'hang'])
    expect((await probe(peer)).reason).toBe('smtp-starttls-ok')
    expect(String(peer.received[0])).toBe('EHLO [127.0.0.1]\r\nSTARTTLS\r\nQUIT\r\n')
  })

  test('a peer that is silent at QUIT does not hold up the probe', async () => {
    await using peer = await startHostile([...upTo220('220 go\r\n'), { upgrade: identity }, 'hang'])
    const startedAt = performance.now()
    expect((await probe(peer, {}, 60_000)).reason).toBe('smtp-starttls-ok')
    expect(performance.now() - startedAt).toBeLessThan(30_000)
  })

  test.each<[string, Step[], string]>([
    ['that is silent', ['hang'], 'protocol-timeout'],
    ['that ends', [{ receive: 1 }, 'end'], 'connection-closed'],
    ['that sends an alert', [{ receive: 1 }, { send: Buffer.from('15030300020250', 'hex') }, 'hang'], 'tls-alert'],
  ])('a peer %s shows its SMTP and no TLS', async (_what, steps, reason) => {
    await using peer = await startHostile([...upTo220('220 go\r\n'), ...steps])
    const seen = await probe(peer, {}, 1_000)
    expect(seen.reason).toBe(reason)
    expect(seen.facts.smtp?.startTls).toEqual({ offered: true, replyCode: 220 })
    expect(seen.facts).not.toHaveProperty('protocol')
    expect(seen.facts).not.toHaveProperty('spoke')
  })
})
