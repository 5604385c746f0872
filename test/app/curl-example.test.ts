import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { curlExample } from '../../src/app/curl-example.ts'
import { createAuthority } from '../support/certificates.ts'
import { listen } from '../support/listen.ts'
import { run } from '../support/processes.ts'
import { makeTempDir } from '../support/temp-dir.ts'

test.for([
  ['IP:127.0.0.1', /^curl \S+ "[^"]+" --cacert '\S+' https:\/\/127\.0\.0\.1:\d+\/v1\/policies$/],
  ['DNS:portwarden.test', / --resolve portwarden\.test:(\d+):127\.0\.0\.1 https:\/\/portwarden\.test:\1\//],
  ['DNS:*.lab.test', / --resolve portwarden\.lab\.test:/],
  ['DNS:portwarden.test,IP:127.0.0.1', / https:\/\/127\.0\.0\.1:/],
  ['', / --resolve portwarden:(\d+):127\.0\.0\.1 https:\/\/portwarden:\1\//],
] as const)('curl accepts the certificate of the example: %s', async ([subjectAltName, form]) => {
  const authority = await createAuthority('Portwarden Example CA')
  const { cert, key, certPath } = await authority.issue({ commonName: 'portwarden', subjectAltName })
  const server = createServer({ cert, key }, (_request, response) => response.end('[]'))
  const { host, port, close } = await listen(server)
  const tls = { cert, key, certFile: certPath }
  const command = curlExample({ url: `https://${host}:${port}`, keyFile: '/dev/null', tls })
  expect(command).toMatch(form)
  const { code, stdout, stderr } = await run('sh', ['-c', command.replace('curl', 'curl --silent --show-error')])
  await close()
  expect([code, stdout, stderr]).toEqual([0, '[]', ''])
})

test('the example has an address of the certificate where the service listens on every address', async () => {
  const authority = await createAuthority('Portwarden Example CA')
  for (const [subjectAltName, host] of [
    ['IP:10.0.0.5', '10.0.0.5'],
    ['IP:fd00::5', '[FD00:0:0:0:0:0:0:5]'],
  ] as const) {
    const { cert, key, certPath } = await authority.issue({ commonName: 'portwarden', subjectAltName })
    const tls = { cert, key, certFile: certPath }
    const command = curlExample({ url: 'https://0.0.0.0:8443', keyFile: '/k', tls })
    expect(command).toContain(` https://${host}:8443/v1/policies`)
  }
})

test('a shell reads the paths of the example as they are', async () => {
  const directory = await makeTempDir("o'clock and more")
  onTestFinished(directory.remove)
  const keyFile = join(directory.path, "admin's.key")
  await writeFile(keyFile, 'secret')
  const authority = await createAuthority('Portwarden Example CA')
  const { cert, key } = await authority.issue({ commonName: 'portwarden', subjectAltName: 'IP:127.0.0.1' })
  const tls = { cert, key, certFile: "/it's/tls.pem" }
  const command = curlExample({ url: 'https://127.0.0.1:8443', keyFile, tls })
  const { stdout } = await run('sh', ['-c', command.replace('curl', "printf '%s\\n'")])
  expect(stdout.split('\n').slice(0, 4)).toEqual(['-H', 'Authorization: Bearer secret', '--cacert', tls.certFile])
})

test('without TLS the example is the address alone', () => {
  expect(curlExample({ url: 'http://127.0.0.1:8080', keyFile: '/k', tls: undefined })).toBe(
    `curl -H "Authorization: Bearer $(cat '/k')" http://127.0.0.1:8080/v1/policies`,
  )
})
