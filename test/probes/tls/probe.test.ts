import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { type TlsVersion, tlsVersions } from '../../../src/domain/protocols/tls.ts'
import { probeTls } from '../../../src/probes/tls/probe.ts'
import { judgeBuiltIn } from '../../policies/judging.ts'
import { createAuthority } from '../../support/certificates.ts'
import { listen } from '../../support/listen.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type HostilePeer, hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { startHttps } from '../../support/peers/https.ts'
import { startSshd } from '../../support/peers/openssh.ts'
import {
  type CertificateName,
  startTls,
  type TlsPeer,
  type TlsVariant,
  tlsCertificate,
} from '../../support/peers/tls.ts'
import { probeIo } from '../../support/probe-io.ts'
import { mustRun, run } from '../../support/processes.ts'
import { inTime } from '../../support/watched-io.ts'

type Listener = Pick<TlsPeer, 'host' | 'port'>

const runProbe = (peer: Listener, options: OptionsByProtocol['tls'] = {}, host = 'good.lab.test', deadlineMs = 5_000) =>
  probeTls({ host, address: peer.host, port: peer.port }, options, probeIo({ deadlineMs }))

/** Probes a variant of `openssl s_server` and trusts its authority. */
async function probeWith(variant: TlsVariant, offerVersions?: TlsVersion[]) {
  await using peer = await startTls(variant)
  return await runProbe(peer, { trustedCa: peer.ca, offerVersions })
}

async function probeScript(script: readonly Step[], deadlineMs?: number) {
  await using peer: HostilePeer = await startHostile(script)
  return await runProbe(peer, {}, '127.0.0.1', deadlineMs)
}

const everyVersion = [...tlsVersions]

describeWithPeers(['openssl'], 'TLS facts', () => {
  test('one connection gives the facts that openssl x509 and s_client print', async () => {
    await using peer = await startTls('good')
    const { state, reason, facts } = await runProbe(peer, { trustedCa: peer.ca })
    expect({ state, reason }).toEqual({ state: 'open', reason: 'tls-ok' })

    const target = `${peer.host}:${peer.port}`
    const brief = await run('openssl', ['s_client', '-brief', '-connect', target], { input: 'Q\n' })
    expect(brief.stderr).toContain(`Protocol version: ${facts.protocol}`)
    expect(brief.stderr).toContain(`Ciphersuite: ${facts.cipher}`)
    expect(brief.stderr).toContain(`Server Temp Key: ${facts.keyExchange},`)
    expect(facts.alpn).toBe('h2')

    const { certPath, chainPath } = peer.certificate
    const x509 = (...args: string[]) => mustRun('openssl', ['x509', '-in', certPath, '-noout', ...args])
    const { certificate } = facts
    expect(`subject=${certificate?.subject}\n`).toBe(await x509('-subject', '-nameopt', 'RFC2253'))
    expect(`issuer=${certificate?.issuer}\n`).toBe(await x509('-issuer', '-nameopt', 'RFC2253'))
    expect(`serial=${certificate?.serialNumber}\n`).toBe(await x509('-serial'))
    const dates = await x509('-dates', '-dateopt', 'iso_8601')
    const [, from = '', to = ''] = /notBefore=(.+)\nnotAfter=(.+)\n/.exec(dates) ?? []
    expect(certificate?.notBefore).toBe(new Date(from).toISOString())
    expect(certificate?.notAfter).toBe(new Date(to).toISOString())
    expect(certificate?.sans).toEqual(['DNS:good.lab.test', 'IP:127.0.0.1'])
    expect(certificate?.sha256).toBe(await fingerprintOf(peer.certificate.cert))
    expect(certificate?.publicKey).toEqual({ type: 'ec', bits: 256, sha256: await keyDigestOf(peer.certificate.cert) })
    expect(certificate?.selfSigned).toBe(false)
    const sent = (await readFile(chainPath, 'utf8')).split(/(?<=-----END CERTIFICATE-----\n)/)
    expect(facts.chain).toEqual(await Promise.all(sent.map(fingerprintOf)))
    expect({ trusted: facts.trusted, nameMatches: facts.nameMatches }).toEqual({ trusted: true, nameMatches: true })
    expect(facts).not.toHaveProperty('trustError')
  })

  test('the chain is what the peer sent, without local trust anchors', async () => {
    const { facts } = await probeWith('tls1.3')
    expect(facts.trusted).toBe(true)
    expect(facts.chain).toEqual([facts.certificate?.sha256])
  })

  test.each<[TlsVariant, object]>([
    ['tls1.0', { protocol: 'TLSv1', cipher: 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA' }],
    ['tls1.1', { protocol: 'TLSv1.1', cipher: 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA' }],
    ['tls1.2', { protocol: 'TLSv1.2', cipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256' }],
    ['tls1.3', { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', ocspStapled: false }],
    ['ocsp-stapled', { ocspStapled: true }],
  ])('%s: shows the negotiated session', async (variant, facts) => {
    expect(await probeWith(variant)).toMatchObject({ state: 'open', reason: 'tls-ok', facts })
  })

  test.each<[TlsVariant, object]>([
    ['soon', { trusted: true, nameMatches: true }],
    ['expired', { trusted: true, nameMatches: true }],
    ['not-yet-valid', { trusted: true, nameMatches: true }],
    ['wrong-name', { trusted: true, nameMatches: false }],
    ['self-signed', { trusted: false, trustError: 'DEPTH_ZERO_SELF_SIGNED_CERT', nameMatches: true }],
    ['other-ca', { trusted: false, trustError: 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', nameMatches: true }],
    ['weak', { trusted: true, nameMatches: true }],
  ])('%s: trust, name and dates are separate facts', async (variant, expected) => {
    const { reason, facts } = await probeWith(variant)
    const { certificate, trusted, trustError, nameMatches } = facts
    expect(reason).toBe('tls-ok')
    expect({ trusted, nameMatches, ...(trustError && { trustError }) }).toEqual(expected)
    expect(certificate?.selfSigned).toBe(variant === 'self-signed')
    expect(certificate?.publicKey.bits).toBe(variant === 'weak' ? 1024 : 256)
    expect(certificate?.sha256).toBe(await fingerprintOf((await tlsCertificate(variant as CertificateName)).cert))
  })

  test('an authority with a curve that has no NIST name is trusted as any other', async () => {
    const authority = await createAuthority('Brainpool CA', 'brainpool')
    const certificate = await authority.issue({ commonName: 'a.test', subjectAltName: 'DNS:a.test' })
    await using peer = await startHttps({ certificate })
    const { reason, facts } = await runProbe(peer, { trustedCa: authority.ca }, 'a.test')
    expect(reason).toBe('tls-ok')
    expect(facts).toMatchObject({ trusted: true, nameMatches: true, chain: [facts.certificate?.sha256] })
  })

  test('an IP address is matched against the addresses of the certificate', async () => {
    await using peer = await startTls('good')
    expect((await runProbe(peer, {}, '127.0.0.1')).facts.nameMatches).toBe(true)
    expect((await runProbe(peer, {}, '127.0.0.2')).facts.nameMatches).toBe(false)
    expect((await runProbe(peer, {}, 'good.lab.test.')).facts.nameMatches).toBe(true)
    expect((await runProbe(peer, {}, 'lab.test')).facts.nameMatches).toBe(false)
  })

  test('without the authority, or with an invalid bundle, the chain is not trusted', async () => {
    await using peer = await startTls('good')
    for (const trustedCa of [undefined, 'no PEM at all', '']) {
      const { facts } = await runProbe(peer, { trustedCa })
      expect(facts).toMatchObject({ trusted: false, trustError: 'SELF_SIGNED_CERT_IN_CHAIN' })
    }
  })

  test('a group that clients do not offer by default is offered to a server that accepts no other', async () => {
    const { reason, facts } = await probeWith('brainpool')
    expect({ reason, keyExchange: facts.keyExchange, trusted: facts.trusted }).toEqual({
      ...{ reason: 'tls-ok', keyExchange: 'ECDH brainpoolP256r1', trusted: true },
    })
  })

  test('a server without a common group is no failure of the rule', async () => {
    const seen = await probeWith('no-common-group')
    expect(seen).toEqual({ state: 'open', reason: 'tls-no-common-parameters', facts: { alert: 40 } })
    expect(judgeBuiltIn('server-certificate', seen).result).toBe('unknown')
    expect(judgeBuiltIn('client-https', seen).result).toBe('unknown')
  })

  test('a post-quantum key exchange has its name', async () => {
    await using peer = await startHttps()
    expect((await runProbe(peer)).facts.keyExchange).toBe('X25519MLKEM768')
  })

  test.each(['client-certificate-tls1.2', 'client-certificate-tls1.3'] as const)(
    '%s: a required client certificate is reported, with the facts of the server',
    async (variant) => {
      const { reason, facts } = await probeWith(variant)
      expect(reason).toBe('tls-client-certificate-required')
      expect(facts).toMatchObject({ clientCertificate: 'required', trusted: true, nameMatches: true })
      expect(facts.alert).toBe(variant === 'client-certificate-tls1.3' ? 116 : 40)
      expect(facts.certificate?.sha256).toBe(facts.chain?.[0])
      expect(facts.protocol).toBe(variant === 'client-certificate-tls1.3' ? 'TLSv1.3' : 'TLSv1.2')
    },
  )
})

describeWithPeers(['openssl'], 'a TLS 1.3 server that is silent after the handshake', () => {
  test('costs a short wait, not the whole deadline', async () => {
    await using upstream = await startTls('tls1.3')
    const front = net.createServer({ allowHalfOpen: true }, (socket) => {
      const onward = net.connect(upstream.port, upstream.host)
      for (const end of [socket, onward]) end.on('error', () => {}).on('close', () => onward.destroy())
      onward.pipe(socket)
      // Everything after the ClientHello is dropped, so the server waits.
      socket.once('data', (hello) => onward.write(hello))
    })
    const { host, port, close } = await listen(front)
    const seen = await inTime(2_000, runProbe({ host, port }))
    expect(seen).toMatchObject({ reason: 'tls-ok', facts: { protocol: 'TLSv1.3' } })
    await close()
  })
})

describeWithPeers(['openssl'], 'TLS versions', () => {
  const only = (...accepted: string[]) =>
    Object.fromEntries(
      everyVersion.map((version) => [
        version,
        version === 'SSLv3' ? 'not-tested' : accepted.includes(version) ? 'accepted' : 'refused',
      ]),
    )

  test.each<[TlsVariant, string[]]>([
    ['tls1.0', ['TLSv1']],
    ['tls1.1', ['TLSv1.1']],
    ['tls1.2', ['TLSv1.2']],
    ['tls1.3', ['TLSv1.3']],
    ['good', ['TLSv1.2', 'TLSv1.3']],
    ['tls1.0-and-newer', ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']],
    ['client-certificate-tls1.2', ['TLSv1.2']],
    ['client-certificate-tls1.3', ['TLSv1.3']],
  ])('%s: exactly the enabled versions are accepted', async (variant, accepted) => {
    expect((await probeWith(variant, everyVersion)).facts.versions).toEqual(only(...accepted))
  })

  test('versions are offered only on request', async () => {
    expect((await probeWith('good')).facts).not.toHaveProperty('versions')
    expect((await probeWith('good', ['TLSv1'])).facts.versions).toEqual({ TLSv1: 'refused' })
  })

  /** A server with TLS 1.2 and later behind a proxy that handles a TLS 1.0 hello itself. */
  async function probeBehind(treat: (socket: net.Socket) => void) {
    await using upstream = await startTls('good')
    const front = net.createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (hello) => {
        if (hello[9] === 3 && hello[10] === 1) return treat(socket)
        const onward = net.connect(upstream.port, upstream.host)
        onward.on('error', () => socket.destroy())
        onward.write(hello)
        socket.pipe(onward).pipe(socket)
        return undefined
      })
    })
    const { host, port, close } = await listen(front)
    const options: OptionsByProtocol['tls'] = { offerVersions: ['TLSv1', 'TLSv1.2'], trustedCa: upstream.ca }
    const { facts } = await runProbe({ host, port }, options, 'good.lab.test', 1_000)
    await close()
    return facts.versions
  }

  test('a close or two resets refuse a version if another works', async () => {
    expect(await probeBehind((socket) => socket.end())).toEqual({ TLSv1: 'refused', 'TLSv1.2': 'accepted' })
    expect(await probeBehind((socket) => socket.resetAndDestroy())).toEqual({ TLSv1: 'refused', 'TLSv1.2': 'accepted' })
  })

  test('a single reset refuses nothing', async () => {
    let seen = 0
    const versions = await probeBehind((socket) => {
      seen += 1
      if (seen === 1) socket.resetAndDestroy()
    })
    expect(versions).toEqual({ TLSv1: 'not-tested', 'TLSv1.2': 'accepted' })
  })

  test('silence for one version is not a refusal, and leaves time for the others', async () => {
    expect(await probeBehind(() => {})).toEqual({ TLSv1: 'not-tested', 'TLSv1.2': 'accepted' })
  })

  test('a port that never speaks TLS refuses no version', async () => {
    const notTested = { TLSv1: 'not-tested', 'TLSv1.2': 'not-tested' }
    for (const script of [hostile.http, hostile.ssh, [{ receive: 1 }, 'end'], [{ receive: 1 }, 'reset']] as Step[][]) {
      await using peer = await startHostile(script)
      expect((await runProbe(peer, { offerVersions: ['TLSv1', 'TLSv1.2'] })).facts.versions).toEqual(notTested)
    }
  })
})

describe('peers that do not speak TLS', () => {
  test.each([
    ['http', hostile.http],
    ['ssh', hostile.ssh],
    ['smtp', hostile.smtp],
    ['other', hostile.garbage],
    ['other', hostile.banner('220 (vsFTPd 3.0.3)\r\n')],
  ] as const)('%s is recognized by its first bytes', async (spoke, script) => {
    expect(await probeScript(script)).toEqual({ state: 'open', reason: 'protocol-mismatch', facts: { spoke } })
  })

  test('a silent peer has an open port and times out', async () => {
    const silence = { state: 'open', reason: 'protocol-timeout', facts: { spoke: 'nothing' } }
    expect(await probeScript(hostile.silent, 200)).toEqual(silence)
  })

  test('a close and a reset without a response have different reasons', async () => {
    const facts = { spoke: 'nothing' }
    const closed = { state: 'open', reason: 'connection-closed', facts }
    expect(await probeScript([{ receive: 1 }, 'end'])).toEqual(closed)
    expect(await probeScript([{ receive: 1 }, 'reset'])).toEqual({ ...closed, reason: 'connection-reset' })
  })

  test('a fatal alert is reported by its number', async () => {
    const alert: Step[] = [{ receive: 1 }, { send: Buffer.of(21, 3, 3, 0, 2, 2, 80) }, 'end']
    expect(await probeScript(alert)).toEqual({ state: 'open', reason: 'tls-alert', facts: { alert: 80 } })
  })

  test('a server that rejects our ALPN names is probed again without ALPN', async () => {
    await using peer = await startHostile([
      { reply: (hello) => (hello.includes('http/1.1') ? Buffer.of(21, 3, 3, 0, 2, 2, 120) : '') },
      'end',
    ])
    await runProbe(peer)
    expect(peer.received).toHaveLength(2)
    expect(peer.received[1]?.includes('http/1.1')).toBe(false)
  })

  test('an interrupted handshake has failed', async () => {
    const torn: Step[] = [{ receive: 1 }, { send: Buffer.of(22, 3, 3, 0, 90, 2, 0, 0) }, 'end']
    expect(await probeScript(torn)).toEqual({ state: 'open', reason: 'tls-handshake-failed', facts: {} })
  })

  test('a name is sent as SNI, an address is not', async () => {
    await using peer = await startHostile([{ receive: 1 }, 'end'])
    await runProbe(peer, {}, 'named.lab.test')
    await runProbe(peer, {}, '127.0.0.1')
    expect(peer.received.map((hello) => hello.includes('named.lab.test'))).toEqual([true, false])
    expect(peer.received[1]?.includes('127.0.0.1')).toBe(false)
  })

  test('a failed connect gives its own outcome', async () => {
    const server = net.createServer()
    const { host, port, close } = await listen(server)
    await close()
    expect(await runProbe({ host, port })).toMatchObject({ state: 'closed', reason: 'connection-refused', facts: {} })
  })
})

describeWithPeers(['openssh'], 'a real sshd', () => {
  test('is recognized', async () => {
    await using sshd = await startSshd()
    expect(await runProbe(sshd)).toMatchObject({ reason: 'protocol-mismatch', facts: { spoke: 'ssh' } })
  })
})

async function fingerprintOf(pem: string): Promise<string> {
  const line = await mustRun('openssl', ['x509', '-noout', '-fingerprint', '-sha256'], { input: pem })
  return line.split('=')[1]?.trim().replaceAll(':', '').toLowerCase() ?? ''
}

async function keyDigestOf(pem: string): Promise<string> {
  const key = await mustRun('openssl', ['x509', '-noout', '-pubkey'], { input: pem })
  const der = Buffer.from(key.replaceAll(/-----.+-----/g, ''), 'base64')
  return createHash('sha256').update(der).digest('hex')
}
