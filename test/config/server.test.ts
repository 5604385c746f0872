import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, readConfig, readSecret, readTls } from '../../src/config/index.ts'
import { type Certificate, peerAuthority } from '../support/certificates.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

let directory: TempDir
let certificate: Certificate
beforeAll(async () => {
  directory = await makeTempDir('config')
  const authority = await peerAuthority()
  certificate = await authority.issue({ commonName: 'service', subjectAltName: 'IP:127.0.0.1' })
})
afterAll(() => directory.remove())

async function fileWith(content: string, mode = 0o600): Promise<string> {
  const path = join(directory.path, `file-${files++}`)
  await writeFile(path, content)
  await chmod(path, mode)
  return path
}
let files = 0

describe('where the service listens', () => {
  test.each(['127.0.0.1', '127.0.0.2', '::1', '::ffff:127.0.0.1', 'localhost'])('%s needs no TLS', (host) => {
    expect(readConfig({ HOST: host }).listening).toMatchObject({ host, tls: undefined })
  })

  test.each(['0.0.0.0', '::', '10.0.0.5', 'fe80::1', 'portwarden.example.org', '0', '2130706433'])(
    '%s is refused without TLS or a proxy, with the variables and an example of each',
    (host) => {
      expect(() => readConfig({ HOST: host })).toThrow(ConfigError)
      expect(() => readConfig({ HOST: host })).toThrow(
        /^HOST .*PORTWARDEN_TLS_CERT=\/.*PORTWARDEN_TLS_KEY=\/.*PORTWARDEN_BEHIND_PROXY=true/,
      )
      expect(() => readConfig({ HOST: host, PORTWARDEN_BEHIND_PROXY: 'false' })).toThrow(ConfigError)
    },
  )

  test('is anywhere with TLS, or with a proxy that was named', () => {
    const tls = { PORTWARDEN_TLS_CERT: certificate.certPath, PORTWARDEN_TLS_KEY: certificate.keyPath }
    expect(readConfig({ HOST: '0.0.0.0', ...tls }).listening).toMatchObject({
      tls: { cert: certificate.cert, key: certificate.key },
      behindProxy: false,
    })
    expect(readConfig({ HOST: '0.0.0.0', PORTWARDEN_BEHIND_PROXY: 'true' }).listening.behindProxy).toBe(true)
    expect(() => readConfig({ PORTWARDEN_BEHIND_PROXY: 'yes' })).toThrow(/PORTWARDEN_BEHIND_PROXY=true/)
  })

  test('a certificate and a key that cannot be used are refused by the variable', async () => {
    const other = await (await peerAuthority()).issue({ commonName: 'other', subjectAltName: 'IP:127.0.0.1' })
    const read = (cert: string, key: string) => () => readTls({ PORTWARDEN_TLS_CERT: cert, PORTWARDEN_TLS_KEY: key })
    const { certPath, keyPath } = certificate
    const nothing = await fileWith('not PEM: hunter2')
    expect(read(certPath, '')).toThrow(/^PORTWARDEN_TLS_CERT needs PORTWARDEN_TLS_KEY; .*PORTWARDEN_TLS_KEY=\//)
    expect(read('', keyPath)).toThrow(/^PORTWARDEN_TLS_KEY needs PORTWARDEN_TLS_CERT; .*PORTWARDEN_TLS_CERT=\//)
    expect(read('/nowhere/tls.pem', keyPath)).toThrow(/^PORTWARDEN_TLS_CERT .*ENOENT/)
    expect(read(nothing, keyPath)).toThrow(/^PORTWARDEN_TLS_CERT .*without a certificate/)
    expect(read(certPath, nothing)).toThrow(/^PORTWARDEN_TLS_KEY .*without a key/)
    expect(read(certPath, other.keyPath)).toThrow(/^PORTWARDEN_TLS_KEY is not the key of/)
    for (const refused of [read(nothing, keyPath), read(certPath, nothing)]) expect(refused).not.toThrow(/hunter2/)
  })
})

describe('a secret of the configuration', () => {
  const url = 'postgresql://portwarden:hunter2@db.example.org/portwarden'

  test('may lie in a file, with or without a line end', async () => {
    expect(readConfig({ DATABASE_URL_FILE: await fileWith(`${url}\n`) }).databaseUrl).toBe(url)
    expect(readConfig({ DATABASE_URL_FILE: await fileWith(url) }).databaseUrl).toBe(url)
    expect(readSecret({ A: 'plain' }, 'A')).toBe('plain')
    expect(readSecret({ A: '' }, 'A')).toBeUndefined()
  })

  test('is refused when it is given twice', async () => {
    const twice = { DATABASE_URL: url, DATABASE_URL_FILE: await fileWith(url) }
    expect(() => readConfig(twice)).toThrow('DATABASE_URL and DATABASE_URL_FILE are both set')
  })

  test('is refused from a file that is missing, empty, or writable by everyone', async () => {
    expect(() => readConfig({ DATABASE_URL_FILE: '/nowhere/url' })).toThrow(/^DATABASE_URL_FILE .*ENOENT/)
    const empty = await fileWith('\n')
    expect(() => readConfig({ DATABASE_URL_FILE: empty })).toThrow(/^DATABASE_URL_FILE names an empty file/)
    const open = await fileWith(url, 0o666)
    expect(() => readConfig({ DATABASE_URL_FILE: open })).toThrow(/^DATABASE_URL_FILE .*everyone may write/)
    const readable = await fileWith(url, 0o444) // as container engines mount their secrets
    expect(readConfig({ DATABASE_URL_FILE: readable }).databaseUrl).toBe(url)
  })

  test('is never printed by the refusal', async () => {
    const file = await fileWith('mysql://portwarden:hunter2@db/portwarden')
    expect(() => readConfig({ DATABASE_URL_FILE: file })).toThrow(/^DATABASE_URL is not valid/)
    expect(() => readConfig({ DATABASE_URL_FILE: file })).not.toThrow(/hunter2/)
  })
})

describe('PORTWARDEN_PUBLIC_URL', () => {
  const prefixOf = (url: string) => readConfig({ PORTWARDEN_PUBLIC_URL: url }).listening.pathPrefix

  test.each([
    ['', ''],
    ['https://portwarden.example.org', ''],
    ['https://portwarden.example.org/', ''],
    ['https://example.org:8443/portwarden/', '/portwarden'],
    ['http://127.0.0.1:8080/tools/port-warden', '/tools/port-warden'],
  ])('%j has the path %j', (url, prefix) => {
    expect(prefixOf(url)).toBe(prefix)
  })

  test.each([
    ['portwarden.example.org', 'is not an HTTP URL'],
    ['/portwarden', 'is not an HTTP URL'],
    ['ftp://example.org/x', 'is not an HTTP URL'],
    ['https://a:b@example.org/x', 'credentials'],
    ['https://example.org/x?y', 'query'],
    ['https://example.org/x#', 'fragment'],
    ['https://example.org//x', 'a path of letters'],
    ['https://example.org/a%2Fb', 'a path of letters'],
    ['https://example.org/v1', 'not one of the service'],
    ['https://example.org/docs/x', 'not one of the service'],
  ])('%j is refused: %s', (url, problem) => {
    expect(() => prefixOf(url)).toThrow(ConfigError)
    expect(() => prefixOf(url)).toThrow(RegExp(`^PORTWARDEN_PUBLIC_URL .*${problem}.*https://portwarden\\.example`))
  })
})
