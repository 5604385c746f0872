import { expect, test } from 'vitest'
import { peerAuthority } from '../../support/certificates.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startClearAndTls } from '../../support/peers/clear-and-tls.ts'
import { startHostile } from '../../support/peers/hostile.ts'
import { tlsHostName } from '../../support/peers/tls.ts'
import { at, curl, judgeClear, redirects, request } from './judge-clear.ts'

describeWithPeers(['curl', 'openssl'], 'a status in clear beside TLS on the same port', () => {
  const respond = (status: number, fields = '') => `HTTP/1.1 ${status} x\r\n${fields}Content-Length: 0\r\n\r\n`
  const redirect = (location: string) => `Location: ${location}\r\n`
  const here = 'https://127.0.0.1:8443/login'

  test.each<[number, string, string]>([
    [200, '', 'fail plain-http-served'],
    [204, '', 'fail plain-http-served'],
    [301, redirect(here), 'pass as-expected'],
    [302, redirect(here), 'pass as-expected'],
    [303, redirect(here), 'pass as-expected'],
    [307, redirect('HTTPS://127.0.0.1/'), 'pass as-expected'],
    [308, redirect(`https://${tlsHostName}/`), 'pass as-expected'],
    [301, redirect('https://www.other.test/'), 'fail plain-http-served'],
    [301, redirect('http://127.0.0.1/'), 'fail plain-http-served'],
    [302, redirect('/login'), 'fail plain-http-served'],
    [302, redirect('//127.0.0.1/'), 'fail plain-http-served'],
    [301, '', 'fail plain-http-served'],
    [304, '', 'fail plain-http-served'],
    [400, '', 'pass as-expected'],
    [401, 'WWW-Authenticate: Digest\r\n', 'fail plain-http-served'],
    [403, '', 'pass as-expected'],
    [404, '', 'pass as-expected'],
    [405, '', 'fail plain-http-served'],
    [407, '', 'fail plain-http-served'],
    [426, 'Upgrade: TLS/1.2\r\n', 'pass as-expected'],
    [429, '', 'fail plain-http-served'],
    [500, '', 'fail plain-http-served'],
    [503, '', 'fail plain-http-served'],
    [999, '', 'fail plain-http-served'],
  ])('%i %j: %s', async (status, fields, verdict) => {
    await using peer = await startClearAndTls({ clear: () => respond(status, fields) })
    const { stdout } = await curl('-o', '/dev/null', '-w', '%{http_code}', `http://127.0.0.1:${peer.port}/`)
    expect(stdout).toBe(String(status))
    expect(await judgeClear(peer)).toMatchObject({ verdict, plainHttp: { answered: true, status } })
  })

  test.each([400, 403, 404, 426])('%i without TLS on the port fails', async (status) => {
    await using peer = await startHostile([request, { send: respond(status) }, 'end'])
    const { verdict, plainHttp } = await judgeClear(peer)
    expect({ verdict, plainHttp }).toEqual({
      verdict: 'fail plain-http-served',
      plainHttp: { answered: true, status, tls: 'absent' },
    })
  })

  test.each([
    ['an address in the certificate', '127.0.0.1', 'https://192.0.2.7/', 'pass as-expected'],
    ['an IPv6 address in the certificate', '127.0.0.1', 'https://[2001:db8:0:0::7]:8443/', 'pass as-expected'],
    ['an address that the certificate has as a DNS name', '127.0.0.1', 'https://192.0.2.9/', 'fail plain-http-served'],
    ['an address that the certificate lacks', '127.0.0.1', 'https://192.0.2.8/', 'fail plain-http-served'],
    ['a name with the dot of the root', '127.0.0.1', `https://${tlsHostName}./`, 'pass as-expected'],
    ['a name without the dot that the check has', 'other.lab.test.', 'https://other.lab.test/', 'pass as-expected'],
    ['a name with the dot that the check has', 'other.lab.test.', 'https://OTHER.lab.test./', 'pass as-expected'],
    ['an address in another notation', '2001:DB8:0::8', 'https://[2001:db8::8]/', 'pass as-expected'],
    ['a wildcard of the certificate', '127.0.0.1', 'https://a.wild.test./', 'pass as-expected'],
    ['two labels for a wildcard', '127.0.0.1', 'https://a.b.wild.test/', 'fail plain-http-served'],
  ])('a redirect to %s', async (_what, host, location, verdict) => {
    const subjectAltName = `DNS:${tlsHostName},DNS:*.wild.test,DNS:192.0.2.9,IP:192.0.2.7,IP:2001:db8::7`
    const certificate = await (await peerAuthority()).issue({ commonName: tlsHostName, subjectAltName })
    await using peer = await startClearAndTls({ clear: () => respond(301, redirect(location)), certificate })
    expect((await judgeClear(peer, { host })).verdict).toBe(verdict)
  })

  test('a redirect to HTTPS without TLS on the port fails', async () => {
    await using peer = await startHostile([...redirects('https://127.0.0.1/', 308), 'end'])
    expect((await judgeClear(peer)).verdict).toBe('fail plain-http-served')
  })

  test('a refusal is undecided while the peer is silent on TLS', async () => {
    const reply = (bytes: Buffer) => (bytes[0] === 0x16 ? '' : respond(400))
    await using peer = await startHostile([{ reply }, 'repeat'])
    const { verdict, plainHttp } = await judgeClear(peer, { deadlineMs: 500 })
    expect({ verdict, tls: plainHttp?.tls }).toEqual({ verdict: 'unknown plain-http-unclear', tls: 'unclear' })
  })

  test('an alert, and a demand for a client certificate, are TLS', async () => {
    const reply = (bytes: Buffer) => (bytes[0] === 0x16 ? Buffer.of(21, 3, 3, 0, 2, 2, 112) : respond(400))
    await using peer = await startHostile([{ reply }, 'end'])
    expect(await judgeClear(peer)).toMatchObject({ verdict: 'pass as-expected', plainHttp: { tls: 'spoken' } })
  })

  test.each([400, 404, 403])('%i in clear that is also the response inside TLS is undecided', async (status) => {
    await using peer = await startClearAndTls({ clear: () => respond(status), inside: () => respond(status) })
    expect(await judgeClear(peer)).toMatchObject({
      verdict: 'unknown plain-http-unclear',
      plainHttp: { tls: 'spoken', sameOverTls: true },
    })
  })

  test('400 of another length than inside TLS is a refusal', async () => {
    const inside = () => 'HTTP/1.1 400 x\r\nContent-Length: 2\r\n\r\nno'
    await using peer = await startClearAndTls({ clear: () => respond(400), inside })
    expect((await judgeClear(peer)).verdict).toBe('pass as-expected')
  })

  test.each([
    ['400', respond(400)],
    ['a close', undefined],
  ])('%s for the address, and a page for the name in the certificate, is served', async (_what, other) => {
    const clear = (text: string) => (text.includes(`Host: ${tlsHostName}:`) ? respond(200) : other)
    await using peer = await startClearAndTls({ clear })
    const { stdout } = await curl('--resolve', `${tlsHostName}:${peer.port}:127.0.0.1`, '--head', at(peer, tlsHostName))
    expect(stdout).toMatch(/^HTTP\/1.1 200/)
    const seen = await judgeClear(peer)
    expect(seen).toMatchObject({
      verdict: 'fail plain-http-served',
      plainHttp: { answered: true, status: 200, host: tlsHostName },
    })
  })

  test('a close for the address and for the name in the certificate passes', async () => {
    await using peer = await startClearAndTls({ clear: () => undefined })
    expect((await judgeClear(peer)).verdict).toBe('pass as-expected')
  })
})
