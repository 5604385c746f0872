import { mkdir, writeFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { dirname, join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { buildServer } from '../../../src/api/server.ts'
import { startService, type TestService } from '../../support/service.ts'
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts'

const script = `document.title = ${JSON.stringify('Portwarden '.repeat(200))}`
const page =
  '<!doctype html><link rel="icon" href="/ui/icon.svg"><script type="module" src="./assets/index-Ab3.js"></script>'
const asset = '/ui/assets/index-Ab3.js'

let directory: TempDir
let service: TestService
let url: string
const servers: TestService['server'][] = []
const serve = async ({ directory, pathPrefix = '' }: { directory: string; pathPrefix?: string }) => {
  const { serverParts } = service
  const listening = { ...serverParts.listening, pathPrefix }
  const console = { directory, idleMs: 1, maxMs: 1 }
  const server = await buildServer({ ...serverParts, console, listening })
  servers.push(server)
  return server.listen({ host: '127.0.0.1', port: 0 })
}

beforeAll(async () => {
  directory = await makeTempDir('console')
  service = await startService({ working: false })
  const files = {
    'index.html': page,
    'icon.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
    'assets/index-Ab3.js': script,
    'assets/index-Ab3.js.br': brotliCompressSync(script),
    'assets/index-Ab3.js.gz': gzipSync(script),
    '.vite/manifest.json': '{}',
  }
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory.path, path)), { recursive: true })
    await writeFile(join(directory.path, path), content)
  }
  url = await serve({ directory: directory.path })
})
afterAll(async () => {
  for (const server of servers) await server.close()
  await service?.stop()
  await directory?.remove()
})

interface Got {
  status: number | undefined
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Unlike fetch, sends the path unchanged and does not decode the body. */
const get = (path: string, headers: Record<string, string> = {}, { method = 'GET', at = url } = {}): Promise<Got> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(at)
    httpRequest({ hostname, port, path, method, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      )
    })
      .on('error', reject)
      .end()
  })

describe('the page', () => {
  test.each(['/ui/', '/ui/findings', '/ui/targets/web.example.org', '/ui/matrix?at=2026-11-01T00:00:00Z', '/ui/a/b/c'])(
    'is what %s gets, without a key',
    async (path) => {
      const { status, headers, body } = await get(path)
      expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
      expect(String(body)).toBe(page.replace('./assets', '/ui/assets'))
      expect(headers['cache-control']).toBe('no-cache')
    },
  )

  test('is where / and /ui lead', async () => {
    for (const path of ['/', '/ui']) {
      const { status, headers } = await get(path)
      expect([status, headers.location]).toEqual([302, '/ui/'])
    }
  })

  test('is not sent again to a browser that has it', async () => {
    const first = await get('/ui/', { 'accept-encoding': 'br' })
    const second = await get('/ui/findings', {
      'accept-encoding': 'br',
      'if-none-match': String(first.headers.etag),
    })
    expect([second.status, second.body.length, second.headers.etag]).toEqual([304, 0, first.headers.etag])
    expect((await get('/ui/', { 'if-none-match': '"other"' })).status).toBe(200)
  })

  test('runs its own scripts and no others, and text never becomes code', async () => {
    for (const path of ['/ui/', asset]) {
      const { headers } = await get(path)
      expect(headers['content-security-policy']).toBe(
        "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';base-uri 'none';" +
          "form-action 'none';frame-ancestors 'none';require-trusted-types-for 'script';trusted-types 'none'",
      )
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    }
  })

  test('is found behind a proxy that passes on its prefix, and behind one that removes it', async () => {
    const at = await serve({ directory: directory.path, pathPrefix: '/portwarden' })
    for (const path of ['/portwarden/ui/findings', '/ui/findings']) {
      const { body } = await get(path, {}, { at })
      expect(String(body)).toBe(
        page.replace('./assets', '/portwarden/ui/assets').replace('/ui/icon', '/portwarden/ui/icon'),
      )
    }
    expect((await get(`/portwarden${asset}`, {}, { at })).status).toBe(200)
    for (const path of ['/portwarden', '/portwarden/', '/portwarden/ui'])
      expect((await get(path, {}, { at })).headers.location).toBe('/portwarden/ui/')
  })
})

describe('a file with a hash in its name', () => {
  test.each([
    ['br', 'br', brotliDecompressSync],
    ['gzip, deflate, br, zstd', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
    ['identity', undefined, (bytes: Buffer) => bytes],
    ['br;q=0, *;q=0', undefined, (bytes: Buffer) => bytes],
    [undefined, undefined, (bytes: Buffer) => bytes],
  ])('comes to a client that accepts %s as %s', async (accepted, coding, decode) => {
    const { status, headers, body } = await get(asset, accepted === undefined ? {} : { 'accept-encoding': accepted })
    expect([status, headers['content-encoding'], headers.vary]).toEqual([200, coding, 'accept-encoding'])
    expect(String(decode(body))).toBe(script)
    expect(headers['content-length']).toBe(String(body.length))
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8')
  })

  test('is cached for ever, one without a hash is validated each time', async () => {
    expect((await get(asset)).headers['cache-control']).toBe('public, max-age=31536000, immutable')
    const icon = await get('/ui/icon.svg')
    expect([icon.headers['cache-control'], icon.headers['content-type']]).toEqual(['no-cache', 'image/svg+xml'])
  })

  test('of another version is missing, and not the page', async () => {
    expect((await get('/ui/assets/index-Old.js')).status).toBe(404)
  })

  test('has another ETag for each coding, and each is known again', async () => {
    const tags = new Set<string>()
    for (const coding of ['br', 'gzip', 'identity']) {
      const { headers } = await get(asset, { 'accept-encoding': coding })
      tags.add(String(headers.etag))
      const again = await get(asset, { 'accept-encoding': coding, 'if-none-match': String(headers.etag) })
      expect([again.status, again.body.length]).toEqual([304, 0])
    }
    expect(tags.size).toBe(3)
  })

  test('has the same headers for HEAD, and no body', async () => {
    for (const path of [asset, '/ui/', '/ui/icon.svg']) {
      const [full, head] = [
        await get(path, { 'accept-encoding': 'br' }),
        await get(path, { 'accept-encoding': 'br' }, { method: 'HEAD' }),
      ]
      const { date: _one, ...headers } = full.headers
      const { date: _other, ...headersOfHead } = head.headers
      expect([head.status, head.body.length, headersOfHead]).toEqual([200, 0, headers])
    }
  })
})

test.each([
  '/ui/../package.json',
  '/ui/assets/../../package.json',
  '/ui/..%2f..%2fpackage.json',
  '/ui/%2e%2e/%2e%2e/package.json',
  '/ui/assets/..%2f.vite%2fmanifest.json',
  '/ui/.vite/manifest.json',
  '/ui/assets/index-Ab3.js.br',
  '/ui//etc/passwd',
  '/ui/..\\..\\package.json',
])('%s leads to no other file', async (path) => {
  const { status, body } = await get(path)
  expect([200, 400, 404]).toContain(status)
  if (status === 200) expect(String(body)).toContain('<!doctype html>')
})

test('other methods are refused', async () => {
  const { status, headers } = await get('/ui/findings', {}, { method: 'POST' })
  expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
})

test('a console that was not built gives 503 with the command that builds it, and the API works', async () => {
  const at = await serve({ directory: join(directory.path, 'nothing') })
  const { status, body } = await get('/ui/', {}, { at })
  expect([status, JSON.parse(String(body)).detail]).toEqual([503, 'the console is not built: run npm run build'])
  expect((await get('/livez', {}, { at })).status).toBe(200)
})

test('PORTWARDEN_UI=false removes the pages', async () => {
  const without = await startService({ working: false, env: { PORTWARDEN_UI: 'false' } })
  onTestFinished(() => without.stop())
  for (const path of ['/', '/ui', '/ui/', '/ui/findings'])
    expect((await without.call('GET', path, { key: null })).status).toBe(404)
})
