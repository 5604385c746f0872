import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../../../support/app.ts'
import { createAuthority, peerAuthority } from '../../../support/certificates.ts'
import { type Service, startServiceProcess } from '../../../support/commands.ts'
import { createTestDatabase } from '../../../support/database.ts'
import { listen } from '../../../support/listen.ts'
import { describeWithPeers } from '../../../support/peers/available.ts'
import { type BlackboxExporter, startBlackboxExporter } from '../../../support/peers/blackbox-exporter.ts'
import { startExim } from '../../../support/peers/exim.ts'
import { startNamed } from '../../../support/peers/named.ts'
import { startSshd } from '../../../support/peers/openssh.ts'
import { startSlapd } from '../../../support/peers/slapd.ts'
import { startTls } from '../../../support/peers/tls.ts'
import { freePort } from '../../../support/ports.ts'
import { startService, type TestService } from '../../../support/service.ts'

type Series = Record<string, number>

/** Every series with its value. */
const readText = (text: string): Series =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )

const isDuration = (series: string) => /^probe_(duration|dns_lookup_time)_seconds/.test(series)
const lastChain = 'probe_ssl_last_chain_expiry_timestamp_seconds'
/** Where nothing verifies the chain, theirs is the year 1, and ours is absent. */
const unverified = (series: string) => isDuration(series) || series === lastChain
const isTls = (series: string) => /^probe_(ssl|tls)_/.test(series)
const without = (series: Series, drop: (name: string) => boolean): Series =>
  Object.fromEntries(Object.entries(series).filter(([name]) => !drop(name)))

describeWithPeers(
  ['blackbox-exporter', 'openssl', 'openssh', 'exim', 'named'],
  'beside the real blackbox_exporter',
  () => {
    let database: Awaited<ReturnType<typeof createTestDatabase>>
    let service: Service
    let theirs: BlackboxExporter
    beforeAll(async () => {
      const { caPath } = await peerAuthority()
      database = await createTestDatabase()
      theirs = await startBlackboxExporter(caPath)
      service = await startServiceProcess(database.url, {
        SSL_CERT_FILE: caPath,
        PORTWARDEN_PROBE_TIMEOUT_MS: '1000',
      })
    })
    afterAll(async () => {
      await service?.stop()
      await theirs?.stop()
      await database?.drop()
    })

    const ask = async (module: string, target: string) => {
      const path = `/probe?${new URLSearchParams({ module, target })}`
      const [our, their] = await Promise.all([service.call(path), fetch(theirs.url + path)])
      expect([our.status, their.status]).toEqual([200, 200])
      return { our: readText(await our.text()), their: readText(await their.text()) }
    }
    /** Asks both; all that theirs says ours says too, durations apart. */
    const expectSame = async (module: string, target: string, success: 0 | 1) => {
      const { our, their } = await ask(module, target)
      expect(our.probe_success).toBe(success)
      expect(our).toMatchObject(without(their, isDuration))
      expect(Object.keys(our).filter(isDuration).sort()).toEqual(Object.keys(their).filter(isDuration).sort())
      return { our, their }
    }

    test('an open port', async () => {
      const open = await listenSilently()
      await expectSame('tcp_connect', `127.0.0.1:${open.port}`, 1)
      await expectSame('tcp_connect', `localhost:${open.port}`, 1)
      await open.close()
    })

    test('a closed port', async () => {
      await expectSame('tcp_connect', `127.0.0.1:${await freePort()}`, 0)
      await expectSame('tcp_connect', `[::1]:${await freePort()}`, 0)
    })

    test('a name that there is not', async () => {
      const { our, their } = await ask('tcp_connect', 'unknown.invalid:443')
      expect([our.probe_success, their.probe_success]).toEqual([0, 0])
    })

    test('a certificate that is good, in both versions of TLS, name by name', async () => {
      for (const variant of ['tls1.2', 'tls1.3'] as const) {
        const peer = await startTls(variant)
        const target = `127.0.0.1:${peer.port}`
        const { our } = await expectSame('tls_connect', target, 1)
        expect(our[lastChain]).toBeGreaterThan(Date.now() / 1000)
        await peer.stop()
      }
    })

    test.each(['expired', 'wrong-name', 'other-ca', 'self-signed', 'not-yet-valid'] as const)(
      'a certificate that is %s: it fails the verification of both, and its dates are the same without',
      async (variant) => {
        const peer = await startTls(variant)
        const target = `127.0.0.1:${peer.port}`
        const strict = await ask('tls_connect', target)
        expect(strict.our).toMatchObject(without(strict.their, (name) => isDuration(name) || isTls(name)))
        expect([strict.our.probe_success, strict.their.probe_success]).toEqual([0, 0])
        const lax = await ask('tls_connect_insecure', target)
        expect(lax.our).toMatchObject(without(lax.their, unverified))
        expect([lax.their[lastChain], lax.our[lastChain]]).toEqual([-62_135_596_800, undefined])
        expect(lax.our.probe_success).toBe(1)
        await peer.stop()
      },
    )

    test('an SSH server, and one that greets otherwise', async () => {
      const sshd = await startSshd()
      await expectSame('ssh_banner', `127.0.0.1:${sshd.port}`, 1)
      await sshd.stop()
      const ftp = await listen(createServer((socket) => socket.on('error', () => {}).end('220 welcome\r\n')))
      await expectSame('ssh_banner', `127.0.0.1:${ftp.port}`, 0)
      await ftp.close()
    })

    test('a mail server with STARTTLS, one whose certificate is not trusted, and one that is no mail server', async () => {
      const exim = await startExim()
      const { our } = await expectSame('smtp_starttls', `127.0.0.1:${exim.port}`, 1)
      expect(our).toHaveProperty(lastChain)
      await exim.stop()
      const authority = await createAuthority('Another CA')
      const request = { commonName: 'mail.lab.test', subjectAltName: 'IP:127.0.0.1' }
      const untrusted = await startExim({ certificate: await authority.issue(request) })
      const distrusted = await ask('smtp_starttls', `127.0.0.1:${untrusted.port}`)
      expect(distrusted.our).toMatchObject(without(distrusted.their, (name) => isDuration(name) || isTls(name)))
      expect([distrusted.our.probe_success, distrusted.their.probe_success]).toEqual([0, 0])
      await untrusted.stop()
      const ftp = await listen(createServer((socket) => socket.on('error', () => {}).end('220 welcome\r\n')))
      await expectSame('smtp_starttls', `127.0.0.1:${ftp.port}`, 0)
      await ftp.close()
    })

    test.each(['dns_tcp', 'dns_udp'])('a name server, and a port without one: %s', async (module) => {
      const named = await startNamed()
      const { our, their } = await ask(module, `127.0.0.1:${named.port}`)
      expect([our.probe_success, their.probe_success]).toEqual([1, 1])
      await named.stop()
      const ftp = await listen(createServer((socket) => socket.on('error', () => {}).end('220 welcome\r\n')))
      const foreign = await ask(module, `127.0.0.1:${ftp.port}`)
      expect([foreign.our.probe_success, foreign.their.probe_success]).toEqual([0, 0])
      await ftp.close()
    })

    test('a port that says nothing, within the time of the scrape', async () => {
      const silent = await listenSilently()
      const path = `/probe?module=ssh_banner&target=127.0.0.1:${silent.port}`
      const headers = { 'x-prometheus-scrape-timeout-seconds': '0.8' }
      const [our, their] = await Promise.all([service.call(path, { headers }), fetch(theirs.url + path, { headers })])
      const [ourSeries, theirSeries] = [readText(await our.text()), readText(await their.text())]
      expect(ourSeries).toMatchObject(without(theirSeries, isDuration))
      expect(ourSeries.probe_success).toBe(0)
      expect(ourSeries.probe_duration_seconds).toBeLessThan(0.8)
      await silent.close()
    })
  },
)

let service: TestService
beforeAll(async () => {
  service = await startService({ env: { PORTWARDEN_SOCKETS: '1', PORTWARDEN_PROBE_TIMEOUT_MS: '400' } })
})
afterAll(() => service?.stop())
const probe = (query: string, more = {}) => service.call('GET', `/probe?${query}`, more)

describeWithPeers(['slapd'], 'the module ldap', () => {
  const successAt = async (port: number) => {
    const { status, body } = await probe(`module=ldap&target=127.0.0.1:${port}`)
    expect(status).toBe(200)
    return readText(body).probe_success
  }

  test.each([
    ['accepts every client', {}],
    ['refuses who is anonymous', { disallowAnonymous: true }],
  ])('succeeds at a directory that %s', async (_what, options) => {
    const slapd = await startSlapd(options)
    expect(await successAt(slapd.port)).toBe(1)
    await slapd.stop()
  })

  test('fails at what is open and does not speak LDAP, and at what is closed', async () => {
    const ftp = await listen(createServer((socket) => socket.on('error', () => {}).end('220 welcome\r\n')))
    expect(await successAt(ftp.port)).toBe(0)
    await ftp.close()
    expect(await successAt(ftp.port)).toBe(0)
  })
})

test('what the egress policy does not allow is refused, and not called a failure of the target', async () => {
  const { status, body } = await probe('target=169.254.169.254:80')
  expect(status).toBe(422)
  expect(body.errors).toMatchObject([{ in: 'query', pointer: '/target' }])
  expect(body.detail).toMatch(/egress policy/)
})

test.each(['target=127.0.0.1', 'target=127.1:80', 'target=127.0.0.1:0', 'target=::1:80', 'target=http://127.0.0.1:80'])(
  '%s is refused as a target',
  async (query) => expect((await probe(query)).status).toBe(422),
)

describeWithPeers(['openssl'], 'a host name', () => {
  test('is for TLS alone: the target is connected to', async () => {
    const at = async (hostname: string) => {
      const peer = await startTls('good')
      const response = await probe(`module=tls_connect_insecure&target=127.0.0.1:${peer.port}${hostname}`)
      await peer.stop()
      return response
    }
    // Nothing resolves the name: it exists nowhere.
    expect(readText((await at('&hostname=good.lab.test')).body).probe_success).toBe(1)
    expect((await at('&hostname=127.1')).status).toBe(422)
    expect((await probe('target=169.254.169.254:80&hostname=good.lab.test')).status).toBe(422)
  })
})

test('a module or a parameter that there is not is refused', async () => {
  expect((await probe('target=127.0.0.1:1&module=icmp')).status).toBe(400)
  expect((await probe('target=127.0.0.1:1&debug=true')).status).toBe(400)
  expect((await probe('module=tcp_connect')).status).toBe(400)
})

test('a vantage that this process does not probe from is refused', async () => {
  expect((await probe('target=127.0.0.1:1&vantage=elsewhere')).status).toBe(422)
  expect((await probe('target=127.0.0.1:1&vantage=local')).status).toBe(200)
})

test('it needs a key that may run audits, of everybody', async () => {
  const reader = await service.stores.keys.create('reader', ['reports:read'])
  expect((await probe('target=127.0.0.1:1', { key: reader })).status).toBe(403)
  expect((await probe('target=127.0.0.1:1', { key: null })).status).toBe(401)
})

test('without a free socket in time it is 503: a local failure, not one of the target', async () => {
  const silent = await listenSilently()
  const open = await listenSilently()
  const headers = { 'x-prometheus-scrape-timeout-seconds': '0.2' }
  const holding = probe(`module=ssh_banner&target=127.0.0.1:${silent.port}`)
  const waiting = await probe(`target=127.0.0.1:${open.port}`, { headers })
  expect([waiting.status, waiting.headers['retry-after']]).toEqual([503, expect.any(String)])
  expect((await holding).body).toMatch(/^probe_success 0$/m)
  expect((await probe(`target=127.0.0.1:${open.port}`)).body).toMatch(/^probe_success 1$/m)
  await silent.close()
  await open.close()
})

test('a process without a vantage is 503', async () => {
  const idle = await startService({ working: false })
  expect((await idle.call('GET', '/probe?target=127.0.0.1:1')).status).toBe(503)
  await idle.stop()
})

test('a failure seen by a vantage that is cut off is 503', async () => {
  const cutOff = await startService({ env: { PORTWARDEN_CANARY: `127.0.0.1:${await freePort()}` } })
  expect((await cutOff.call('GET', '/probe?target=127.0.0.1:1')).status).toBe(503)
  await cutOff.stop()
})
