import { once } from 'node:events'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Authority, createAuthority } from '../support/certificates.ts'
import { type Service, startServiceProcess } from '../support/commands.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startWorker } from '../support/fleet.ts'
import { run } from '../support/processes.ts'
import { makeTempDir } from '../support/temp-dir.ts'

let authority: Authority
let database: TestDatabase
let directory: Awaited<ReturnType<typeof makeTempDir>>
let service: Service
let certFile: string
let keyFile: string
beforeAll(async () => {
  ;[authority, database, directory] = await Promise.all([
    createAuthority('Portwarden Renewal CA'),
    createTestDatabase(),
    makeTempDir('renewal'),
  ])
  certFile = join(directory.path, 'tls.pem')
  keyFile = join(directory.path, 'tls.key')
  await put('first')
  const env = { PORTWARDEN_TLS_CERT: certFile, PORTWARDEN_TLS_KEY: keyFile }
  service = await startServiceProcess(database.url, env, 'api')
})
afterAll(async () => {
  await service?.stop()
  await Promise.all([database?.drop(), directory?.remove()])
})

/** Puts a new certificate and its key where the service reads them, as a client of ACME does. */
async function put(commonName: string): Promise<{ key: string }> {
  const made = await authority.issue({ commonName, subjectAltName: 'IP:127.0.0.1' })
  await copyFile(made.certPath, certFile)
  await copyFile(made.keyPath, keyFile)
  return made
}

async function handshake(): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(service.url).port), ca: authority.ca })
  await once(socket, 'secureConnect')
  return socket
}
const nameOf = (socket: TLSSocket) => String(socket.getPeerCertificate().subject.CN)
async function shown(): Promise<string> {
  const socket = await handshake()
  const name = nameOf(socket)
  socket.destroy()
  return name
}
/** Runs the command that the start prints. */
const runExample = () => run('sh', ['-c', String(/ try: (curl .*)/.exec(service.log())?.[1])])
const logs = (text: string, times: number) => service.logged(new RegExp(`(${text}[^]*){${times}}`))

test('the log and the example of the start are those of HTTPS, and the example works', async () => {
  await expect.poll(() => service.log()).toContain(`"msg":"Server listening at ${service.url}"`)
  expect(await runExample()).toMatchObject({ code: 0, stdout: expect.stringContaining('netwrix-endpoint-protector') })
})

test('SIGHUP makes the process show a renewed certificate; what cannot be used leaves the one before, and is logged', async () => {
  expect(await shown()).toBe('first')
  const open = await handshake()
  const second = await put('second')
  expect(await shown()).toBe('first') // not before the signal
  process.kill(service.pid, 'SIGHUP')
  await logs('the certificate was reloaded', 1)
  expect(await shown()).toBe('second')

  open.write('GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  const [response] = (await once(open, 'data')) as [Buffer]
  expect([nameOf(open), response.toString()]).toEqual(['first', expect.stringMatching(/^HTTP\/1\.1 200 /)])
  open.destroy()

  const broken: [string, string][] = [
    [certFile, 'no certificate'],
    [certFile, second.key],
    [keyFile, 'no key'],
  ]
  for (const [i, [file, content]] of broken.entries()) {
    await put('third')
    await writeFile(file, content)
    process.kill(service.pid, 'SIGHUP')
    await logs('the certificate could not be reloaded', i + 1)
    expect(await shown()).toBe('second')
  }
  const { key: otherKey } = await put('of another key')
  await put('third')
  await writeFile(keyFile, otherKey)
  process.kill(service.pid, 'SIGHUP')
  await logs('the certificate could not be reloaded', 4)
  expect(await shown()).toBe('second')
  for (const secret of [second.key, otherKey]) expect(service.log()).not.toContain(secret.split('\n')[1]) // text of a wrong file is a secret

  await put('third')
  process.kill(service.pid, 'SIGHUP')
  await logs('the certificate was reloaded', 2)
  expect(await shown()).toBe('third')
})

test('SIGHUP ends no worker, which has no certificate', async () => {
  const worker = await startWorker(database.url)
  process.kill(worker.pid, 'SIGHUP')
  await worker.logged(/there is no certificate to reload/)
  process.kill(worker.pid, 'SIGTERM')
  expect(await worker.exited).toBe(0)
})
