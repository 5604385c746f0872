import { once } from 'node:events'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeText, encodeUint32 } from '../../../src/probes/ssh/fields.ts'
import { messages } from '../../../src/probes/ssh/packet.ts'
import { probeSsh } from '../../../src/probes/ssh/probe.ts'
import { seeWithOpenSsh } from '../../support/openssh-client.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { hostile, startHostile } from '../../support/peers/hostile.ts'
import { startHttp } from '../../support/peers/https.ts'
import { startNginx } from '../../support/peers/nginx.ts'
import { type Sshd, startSshd } from '../../support/peers/openssh.ts'
import { startSshRelay } from '../../support/peers/ssh-relay.ts'
import { type SshServerOptions, sshServerLists, startSshServer } from '../../support/peers/ssh-server.ts'
import { probeIo } from '../../support/probe-io.ts'
import { mustRun } from '../../support/processes.ts'
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts'

const runProbe = ({ host, port }: { host: string; port: number }, deadlineMs?: number) =>
  probeSsh({ host, address: host, port }, {}, probeIo({ deadlineMs }))

describeWithPeers(['openssh'], 'probeSsh with a real OpenSSH', () => {
  let directory: TempDir
  const moreKeys = { p384: '', p521: '' }
  beforeAll(async () => {
    directory = await makeTempDir('ssh-keys')
    for (const bits of ['384', '521'] as const) {
      const path = `${directory.path}/${bits}`
      await mustRun('ssh-keygen', ['-q', '-t', 'ecdsa', '-b', bits, '-N', '', '-f', path])
      moreKeys[`p${bits}`] = (await mustRun('ssh-keygen', ['-l', '-f', `${path}.pub`])).split(' ')[1] ?? ''
    }
  })
  afterAll(() => directory.remove())

  const fingerprintOf: Record<string, (sshd: Sshd) => string> = {
    'ssh-ed25519': ({ fingerprints }) => fingerprints.ed25519,
    'ecdsa-sha2-nistp256': ({ fingerprints }) => fingerprints.ecdsa,
    'ecdsa-sha2-nistp384': () => moreKeys.p384,
    'ecdsa-sha2-nistp521': () => moreKeys.p521,
    'ssh-rsa': ({ fingerprints }) => fingerprints.rsa,
  }

  test.each([
    ['curve25519-sha256', 'ssh-ed25519', 'ssh-ed25519'],
    ['curve25519-sha256@libssh.org', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp256'],
    ['ecdh-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp384'],
    ['ecdh-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ecdsa-sha2-nistp521'],
    ['ecdh-sha2-nistp521', 'rsa-sha2-512', 'ssh-rsa'],
    ['diffie-hellman-group14-sha256', 'rsa-sha2-256', 'ssh-rsa'],
    ['diffie-hellman-group-exchange-sha256', 'ssh-rsa', 'ssh-rsa'],
    ['diffie-hellman-group16-sha512', 'ssh-ed25519', 'ssh-ed25519'],
    ['diffie-hellman-group18-sha512', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp256'],
    ['diffie-hellman-group14-sha1', 'ssh-rsa', 'ssh-rsa'],
    ['diffie-hellman-group-exchange-sha1', 'ssh-ed25519', 'ssh-ed25519'],
    ['diffie-hellman-group1-sha1', 'rsa-sha2-512', 'ssh-rsa'],
    ['sntrup761x25519-sha512@openssh.com', 'ssh-ed25519', 'ssh-ed25519'],
  ])('verifies the host key over %s, signed by %s, and prints it like ssh-keygen', async (kex, algorithm, type) => {
    await using sshd = await startSshd({
      extra: [
        `KexAlgorithms ${kex}`,
        `HostKeyAlgorithms ${algorithm}`,
        `HostKey ${directory.path}/384`,
        `HostKey ${directory.path}/521`,
      ].join('\n'),
    })
    const { state, reason, facts } = await runProbe(sshd)
    expect({ state, reason, hostKey: facts.hostKey }).toEqual({
      state: 'open',
      reason: 'ssh-ok',
      hostKey: { type, sha256: fingerprintOf[type]?.(sshd), verified: true },
    })
    await sshd.logged(/Received disconnect from \S+ port \d+:11: audit complete/)
  })

  test('shows the identification and the eight lists that OpenSSH’s client sees', async () => {
    await using sshd = await startSshd({ extra: 'VersionAddendum with-a-comment\nCompression yes\nCiphers aes128-ctr' })
    const { facts } = await runProbe(sshd)
    const client = await seeWithOpenSsh(sshd)
    expect(facts).toMatchObject({
      identification: `SSH-2.0-${client.software}`,
      protocolVersion: '2.0',
      software: client.software.split(' ')[0],
      algorithms: client.algorithms,
    })
    expect(facts.identification).toMatch(/ with-a-comment$/)
    expect(facts.algorithms?.cipherServerToClient).toEqual(['aes128-ctr'])
  })

  test('leaves a disconnect message in the log of sshd, and no failed authentication', async () => {
    await using sshd = await startSshd()
    for (let probes = 0; probes < 20; probes += 1) await runProbe(sshd)
    const farewells =
      /(Received disconnect from \S+ port \d+:11: audit complete \(portwarden tests\) \[preauth\][\s\S]*?){20}/
    await sshd.logged(farewells)
    expect(sshd.log()).not.toMatch(/invalid user|failed|authenticat|error|reset|unable|did not receive|bad/i)
  })

  test('reports “Exceeded MaxStartups” as a refusal for now', async () => {
    await using sshd = await startSshd({ extra: 'PerSourceMaxStartups 1' })
    const first = net.connect(sshd.port, sshd.host)
    await once(first, 'data') // identified, and waiting for authentication
    const seen = await runProbe(sshd)
    first.destroy()
    const facts = { refusal: { text: 'Exceeded MaxStartups' } }
    expect(seen).toEqual({ state: 'open', reason: 'ssh-refused-for-now', facts })
  })

  test('rejects a host key if a relay changed the signature', async () => {
    await using sshd = await startSshd()
    await using relay = await startSshRelay(sshd, (payload) => {
      const last = payload.length - 1
      if (payload[0] === messages.kexReply) payload[last] = (payload[last] ?? 0) ^ 1
      return payload
    })
    const { state, reason, facts } = await runProbe(relay)
    expect({ state, reason }).toEqual({ state: 'open', reason: 'ssh-signature-invalid' })
    expect(facts.hostKey).toEqual({ type: 'ssh-ed25519', sha256: sshd.fingerprints.ed25519, verified: false })
  })

  test('accepts a host key through a relay that changes nothing', async () => {
    await using sshd = await startSshd()
    await using relay = await startSshRelay(sshd)
    expect((await runProbe(relay)).facts.hostKey?.verified).toBe(true)
  })
})

describe('probeSsh with servers unlike OpenSSH', () => {
  const probeWith = async (options: SshServerOptions) => {
    await using server = await startSshServer(options)
    return await runProbe(server)
  }
  // OpenSSH 9.2 has none of them.
  const newer = [
    'mlkem768x25519-sha256',
    'mlkem768nistp256-sha256',
    'mlkem1024nistp384-sha384',
    'curve448-sha512',
    'diffie-hellman-group15-sha512',
    'diffie-hellman-group17-sha512',
  ]

  test.each<[string, SshServerOptions]>([
    ['with default settings', {}],
    ['whose right guess must not be skipped', { guessFollows: true }],
    ['whose list begins with an empty name', { lists: { kex: ['', 'curve25519-sha256'] } }],
    ['that sends no software version', { greeting: 'SSH-2.0-\r\n' }],
    ['whose identification ends after the version', { greeting: 'SSH-2.0\r\n' }],
    ...newer.map((kex): [string, SshServerOptions] => [`that offers ${kex} alone`, { lists: { kex: [kex] } }]),
    ['without a MAC, because its cipher needs none', { lists: { macClientToServer: [], macServerToClient: [] } }],
  ])('verifies the host key of a server %s', async (_what, options) => {
    const { reason, facts } = await probeWith(options)
    expect({ reason, verified: facts.hostKey?.verified }).toEqual({ reason: 'ssh-ok', verified: true })
  })

  test('distinguishes 1.99 from 2.0, and shows the lists as sent', async () => {
    const { facts } = await probeWith({ greeting: 'SSH-1.99-peer_1.0 with comment\r\n' })
    expect(facts).toMatchObject({
      identification: 'SSH-1.99-peer_1.0 with comment',
      protocolVersion: '1.99',
      software: 'peer_1.0',
    })
    expect(facts.algorithms).toEqual(sshServerLists)
  })

  test('reports a server of protocol 1.5 by its identification alone', async () => {
    const { reason, facts } = await probeWith({ greeting: 'SSH-1.5-old\r\n' })
    expect(reason).toBe('ssh-no-common-version')
    expect(facts).toEqual({ identification: 'SSH-1.5-old', protocolVersion: '1.5', software: 'old' })
  })

  test('escapes unprintable characters in an identification', async () => {
    const { reason, facts } = await probeWith({ greeting: 'SSH-2.0-p\x1b[2J\xe9 \x07bell\r\n' })
    expect(reason).toBe('ssh-ok')
    expect(facts).toMatchObject({ identification: 'SSH-2.0-p\\x1b[2J\\xe9 \\x07bell', software: 'p\\x1b[2J\\xe9' })
  })

  test.each<[string, SshServerOptions]>([
    ['key exchange', { lists: { kex: ['group-of-its-own'] } }],
    ['host key', { lists: { hostKey: ['x509v3-ssh-rsa'] } }],
    ['cipher', { lists: { cipherServerToClient: ['rot13'] } }],
    [
      'algorithm, because its lists are empty',
      { lists: Object.fromEntries(Object.keys(sshServerLists).map((list) => [list, []])) },
    ],
  ])('keeps the lists of a server without a common %s', async (_what, options) => {
    const { reason, facts } = await probeWith(options)
    expect(reason).toBe('ssh-no-common-algorithm')
    expect(facts.algorithms).toEqual({ ...sshServerLists, ...options.lists })
    expect(facts).not.toHaveProperty('hostKey')
  })

  test.each<[string, SshServerOptions]>([
    [
      'the key is not of the agreed type',
      { reply: (signed) => ({ ...signed, hostKey: Buffer.concat([encodeText('ssh-dss'), encodeText('key')]) }) },
    ],
    ['the key is too short', { reply: (signed) => ({ ...signed, hostKey: signed.hostKey.subarray(0, -1) }) }],
    ['the point would make the secret zero', { reply: (signed) => ({ ...signed, point: Buffer.alloc(32) }) }],
    ['the point is too short', { reply: (signed) => ({ ...signed, point: signed.point.subarray(1) }) }],
    ['KEXINIT has another byte at its end', { kexInit: (payload) => Buffer.concat([payload, Buffer.of(0)]) }],
    ['a second KEXINIT follows', { interposed: [Buffer.of(messages.kexInit)] }],
    ['the keys change too early', { interposed: [Buffer.of(messages.newKeys)] }],
  ])('rejects a response in which %s', async (_what, options) => {
    const { state, reason, facts } = await probeWith(options)
    expect({ state, reason }).toEqual({ state: 'open', reason: 'protocol-violation' })
    expect(facts).not.toHaveProperty('hostKey')
  })

  test.each<[string, SshServerOptions]>([
    [
      'is of another algorithm',
      {
        reply: (signed) => ({
          ...signed,
          signature: Buffer.concat([encodeText('ssh-rsa'), signed.signature.subarray(15)]),
        }),
      },
    ],
    ['is empty', { reply: (signed) => ({ ...signed, signature: Buffer.alloc(0) }) }],
    [
      'has an extra byte',
      { reply: (signed) => ({ ...signed, signature: Buffer.concat([signed.signature, Buffer.of(0)]) }) },
    ],
  ])('rejects a host key whose signature %s', async (_what, options) => {
    const { reason, facts } = await probeWith(options)
    expect({ reason, verified: facts.hostKey?.verified }).toEqual({ reason: 'ssh-signature-invalid', verified: false })
  })

  test.each([
    [2, 'protocol error', 'ssh-refused'],
    [12, 'too many\x07', 'ssh-refused-for-now'],
  ] as const)('shows the code %i and the text of a DISCONNECT, and what came before', async (code, text, reason) => {
    const parts = [Buffer.of(messages.disconnect), encodeUint32(code), encodeText(text), encodeText('')]
    const disconnect = Buffer.concat(parts)
    const refusal = { code, text: text.replace('\x07', '\\x07') }
    const early = await probeWith({ early: [disconnect] })
    expect(early).toMatchObject({ reason, facts: { identification: 'SSH-2.0-peer', refusal } })
    expect(early.facts).not.toHaveProperty('algorithms')
    expect(await probeWith({ interposed: [disconnect] })).toMatchObject({
      reason,
      facts: { algorithms: sshServerLists, refusal },
    })
  })
})

describe('probeSsh with peers that stop', () => {
  test.each([
    ['ends', 'end', 'ssh-refused'],
    ['resets', 'reset', 'ssh-refused'],
    ['falls silent', 'hang', 'protocol-timeout'],
  ] as const)('keeps the identification of a server that then %s', async (_what, step, reason) => {
    await using peer = await startHostile([{ send: 'SSH-2.0-peer\r\n' }, { receive: 1 }, step])
    const facts = { identification: 'SSH-2.0-peer', protocolVersion: '2.0', software: 'peer' }
    expect(await runProbe(peer, 300)).toEqual({ state: 'open', reason, facts })
  })

  test.each([
    ['is silent', hostile.silent, 'protocol-timeout', { spoke: 'nothing' }],
    ['ends without a response', ['end'], 'connection-closed', {}],
    ['resets without a response', [{ receive: 1 }, 'reset'], 'connection-reset', {}],
    ['stops in its identification', hostile.banner('SSH-2.0-pe'), 'protocol-timeout', {}],
    ['ends in its identification', [{ send: 'SSH-2.0-pe' }, 'end'], 'connection-closed', {}],
    [
      'penalises our address (OpenSSH 9.8)',
      [{ send: 'Not allowed at this time\r\n' }, 'end'],
      'ssh-refused-for-now',
      { refusal: { text: 'Not allowed at this time' } },
    ],
    [
      'has an identification without a version',
      hostile.banner('SSH-two\r\n'),
      'protocol-violation',
      { identification: 'SSH-two' },
    ],
  ] as const)('gives the exact reason for a peer that %s', async (_what, script, reason, facts) => {
    await using peer = await startHostile(script)
    expect(await runProbe(peer, 300)).toEqual({ state: 'open', reason, facts })
  })

  test('gives the outcome of the connect for a closed port', async () => {
    const peer = await startHostile([])
    await peer.stop()
    expect(await runProbe(peer)).toEqual({ state: 'closed', reason: 'connection-refused', facts: {} })
  })
})

describe('probeSsh with other protocols', () => {
  test.each([
    ['HTTP', hostile.http, 'http'],
    ['SMTP', hostile.smtp, 'smtp'],
    ['a line of another protocol', hostile.banner('220 files FTP\r\n'), 'other'],
    ['lines without an end', hostile.banner('welcome\r\n'.repeat(1_024)), 'other'],
    ['a line that is too long', hostile.banner('a'.repeat(8_194)), 'other'],
    ['a TLS alert', hostile.banner(Buffer.from('15030100020246', 'hex')), 'other'],
    ['random bytes', hostile.garbage, 'other'],
  ] as const)('recognises %s', async (_what, script, spoke) => {
    await using peer = await startHostile(script)
    expect(await runProbe(peer, 500)).toEqual({ state: 'open', reason: 'protocol-mismatch', facts: { spoke } })
  })

  test('ends as soon as an HTTP server has responded', async () => {
    await using peer = await startHttp()
    expect(await runProbe(peer, 60_000)).toMatchObject({ reason: 'protocol-mismatch', facts: { spoke: 'http' } })
  })
})

describeWithPeers(['nginx'], 'probeSsh with a real nginx', () => {
  test('recognises HTTP on the plain port, and the plain-text error on the TLS port', async () => {
    await using nginx = await startNginx()
    const mismatch = { state: 'open', reason: 'protocol-mismatch', facts: { spoke: 'http' } }
    expect(await runProbe({ host: nginx.host, port: nginx.httpPort })).toEqual(mismatch)
    expect(await runProbe(nginx)).toEqual(mismatch)
  })
})
