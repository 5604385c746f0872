import { expect, test } from 'vitest'
import { run } from '../processes.ts'
import { describeWithPeers } from './available.ts'
import { startHttp, startHttps } from './https.ts'
import { startNginx } from './nginx.ts'

/** The head that curl gets, in one line, or its exit code. */
async function head(url: string, ...options: string[]): Promise<string> {
  const { code, stdout } = await run('curl', ['-sI', '--noproxy', '*', ...options, url])
  return code === 0 ? stdout.replaceAll('\r\n', '; ') : `curl ${code}`
}

describeWithPeers(['openssl', 'curl'], 'the web servers of Node', () => {
  test('respond over plain HTTP and record the requests', async () => {
    await using server = await startHttp({ status: 204, headers: { server: 'peer' } })
    expect(await head(`http://${server.host}:${server.port}/path`)).toMatch(/^HTTP\/1.1 204.*server: peer/i)
    expect(server.requests).toMatchObject([{ method: 'HEAD', path: '/path' }])
  })

  test('respond over TLS with an untrusted certificate', async () => {
    await using server = await startHttps({ maxVersion: 'TLSv1.2' })
    const url = `https://${server.host}:${server.port}/`
    expect(await head(url, '-k')).toMatch(/^HTTP\/1.1 200/)
    expect(await head(url, '-k', '--tlsv1.3')).toBe('curl 35') // no TLS 1.3
    expect(await head(url)).toBe('curl 60') // the certificate cannot be authenticated
    expect(await head(url, '--cacert', server.certificate.certPath)).toMatch(/^HTTP\/1.1 200/)
  })
})

describeWithPeers(['nginx', 'curl'], 'nginx', () => {
  test('responds with HSTS over TLS, with 400 to plain HTTP on its TLS port, and on its plain port', async () => {
    await using nginx = await startNginx({ hsts: 'max-age=63072000' })
    const secure = await head(`https://${nginx.host}:${nginx.port}/`, '--cacert', nginx.caPath)
    expect(secure).toMatch(/^HTTP\/1.1 200.*Server: nginx.*Strict-Transport-Security: max-age=63072000/i)
    expect(await head(`http://${nginx.host}:${nginx.port}/`)).toMatch(/^HTTP\/1.1 400/)
    expect(await head(`http://${nginx.host}:${nginx.httpPort}/`)).toMatch(/^HTTP\/1.1 200/)
  })
})
