import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Authority, type Certificate, peerAuthority } from '../support/certificates.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { proxyKinds, startReverseProxy } from '../support/peers/reverse-proxy.ts'
import { startService, type TestService } from '../support/service.ts'

interface Ask {
  method?: string
  headers?: Record<string, string>
  body?: string
  key?: string | null
}

let authority: Authority
let certificate: Certificate

/** A service at /portwarden behind a proxy, and a client of the proxy that accepts gzip. */
async function startBehind(kind: (typeof proxyKinds)[number], edit?: (config: string) => string) {
  authority = await peerAuthority()
  certificate = await authority.issue({ commonName: 'proxy', subjectAltName: 'IP:127.0.0.1' })
  const service = await startService({
    working: false,
    env: {
      PORTWARDEN_BEHIND_PROXY: 'true',
      PORTWARDEN_PUBLIC_URL: 'https://portwarden.example.org/portwarden/',
      PORTWARDEN_REFUSALS_PER_MINUTE: '2',
    },
  })
  const upstream = Number(new URL(await service.listen()).port)
  const proxy = await startReverseProxy(kind, { upstream, certificate, ...(edit && { edit }) })
  const open = async (path: string, { method = 'GET', headers = {}, body, key = service.key }: Ask = {}) => {
    const all = { 'accept-encoding': 'gzip', ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers }
    const to = { host: '127.0.0.1', port: proxy.port, path, method, ca: authority.ca, agent: false, headers: all }
    const sent = request(to).end(body)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return response
  }
  const ask = async (path: string, options: Ask = {}) => {
    const response = await open(path, options)
    const { statusCode: status, headers } = response
    const bytes = await buffer(response)
    const text = (headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString()
    const isJson = /json\b/.test(headers['content-type'] ?? '') && text !== ''
    return { status, headers, text, body: isJson ? JSON.parse(text) : undefined } as Reply
  }
  const stop = async () => {
    await proxy.stop()
    await service.stop()
  }
  return { service, open, ask, stop }
}

interface Reply {
  status: number
  headers: IncomingHttpHeaders
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: responses are untyped
  body: any
}

const json = { 'content-type': 'application/json' }

describe.each(proxyKinds)('%s', (kind) => {
  describeWithPeers([kind], 'as docs/operations.md configures it', () => {
    let behind: Awaited<ReturnType<typeof startBehind>>
    let service: TestService
    let ask: (path: string, options?: Ask) => Promise<Reply>
    beforeAll(async () => {
      behind = await startBehind(kind)
      ;({ service, ask } = behind)
    })
    afterAll(() => behind?.stop())

    test('keeps ETags usable, although it compresses and changes them', async () => {
      const input = { name: 'host', address: '127.0.0.1', labels: { site: 'hq' } }
      const made = await ask('/portwarden/v1/targets', { method: 'POST', headers: json, body: JSON.stringify(input) })
      expect([made.status, made.headers.location]).toEqual([201, '/portwarden/v1/targets/host'])
      const read = await ask(made.headers.location ?? '')
      const tag = read.headers.etag ?? ''
      expect([read.status, read.headers['content-encoding'], tag]).toEqual([
        200,
        'gzip',
        expect.stringMatching(kind === 'apache' ? /^"[\d-]+-gzip"$/ : /^W\/"[\d-]+"$/),
      ])
      const known = await ask('/portwarden/v1/targets/host', { headers: { 'if-none-match': tag } })
      expect(known.status).toBe(304)
      const change = (labels: object) =>
        ask('/portwarden/v1/targets/host', {
          method: 'PATCH',
          headers: { ...json, 'if-match': tag },
          body: JSON.stringify({ labels }),
        })
      expect((await change({ site: 'branch' })).status).toBe(200)
      expect((await change({ site: 'elsewhere' })).status).toBe(412)
    })

    test('has its path in the links between pages', async () => {
      await service.stores.targets.save([{ name: 'other', address: '127.0.0.2' }])
      const first = await ask('/portwarden/v1/targets?limit=1')
      const [, next = ''] = /^<([^>]*)>; rel="next"$/.exec(String(first.headers.link)) ?? []
      expect(next).toMatch(/^\/portwarden\/v1\/targets\?/)
      expect((await ask(next)).status).toBe(200)
    })

    test('serves the documents and the page at /docs, with all that the page loads', async () => {
      const document = await ask('/portwarden/openapi.json')
      expect(document.body.servers).toMatchObject([{ url: '/portwarden' }])
      for (const path of ['/portwarden/docs', '/portwarden/docs/']) {
        const page = await ask(path)
        const loaded = [...page.text.matchAll(/(?:href|src)="([^"]+)"/g)].map(
          ([, url]) => new URL(url ?? '', `https://x${path}`),
        )
        expect(loaded.length).toBeGreaterThan(3)
        for (const { pathname } of loaded) expect([pathname, (await ask(pathname)).status]).toEqual([pathname, 200])
      }
      expect((await ask('/portwarden/docs/json')).body.servers).toMatchObject([{ url: '/portwarden' }])
      const moved = await ask('/portwarden/docs/static/index.html')
      expect(moved.headers.location).toMatch(/^\/portwarden\/docs\/$/)
    })

    test('passes events on while the audit goes on', async () => {
      const id = await service.accept({ params: { openPort: 1, closedPort: 2 } })
      const stream = await behind.open(`/portwarden/v1/audits/${id}/events`)
      let text = ''
      for await (const chunk of stream) {
        text += chunk
        if (text.includes('event: progress')) break // the stream goes on
      }
      expect(text).toContain('event: progress')
      expect((await service.stores.audits.find(id))?.finishedAt).toBeNull()
    })

    test('takes bodies of several megabytes', async () => {
      const rows = Array.from({ length: 20_000 }, (_, i) => `bulk-${i},127.0.0.1,${'x'.repeat(100)}`)
      const body = ['name,address,externalId', ...rows].join('\n')
      expect(body.length).toBeGreaterThan(2_000_000)
      const headers = { 'content-type': 'text/csv' }
      const response = await ask('/portwarden/v1/targets/import', { method: 'POST', headers, body })
      expect([response.status, response.text.slice(0, 300)]).toEqual([200, expect.any(String)])
    })

    test('names the address of the client, despite forged headers', async () => {
      const from = (address: string) =>
        ask('/portwarden/v1/targets', { key: null, headers: { 'x-forwarded-for': address } })
      const statuses: number[] = []
      for (let i = 1; i <= 4; i += 1) statuses.push((await from(`192.0.2.${i}`)).status)
      expect(statuses).toEqual([401, 401, 429, 429])
    })
  })
})

describeWithPeers(['nginx'], 'a proxy that does not set X-Forwarded-For', () => {
  test('lets clients choose their address, as the page says; one without the header has that of the proxy', async () => {
    const behind = await startBehind('nginx', (config) => config.replace(/.*X-Forwarded-For.*\n/, ''))
    const from = async (headers: Record<string, string>) =>
      (await behind.ask('/portwarden/v1/targets', { key: null, headers })).status
    const forged: number[] = []
    for (let i = 1; i <= 4; i += 1) forged.push(await from({ 'x-forwarded-for': `192.0.2.${i}` }))
    expect(forged).toEqual([401, 401, 401, 401])
    expect([await from({}), await from({}), await from({})]).toEqual([401, 401, 429])
    await behind.stop()
  })
})

describeWithPeers(['nginx'], 'a proxy that removes the path', () => {
  test('gets the same responses', async () => {
    const behind = await startBehind('nginx', (config) => config.replace('127.0.0.1:8080;', '127.0.0.1:8080/;'))
    const body = JSON.stringify({ name: 'host', address: '127.0.0.1' })
    const made = await behind.ask('/portwarden/v1/targets', { method: 'POST', headers: json, body })
    expect([made.status, made.headers.location]).toEqual([201, '/portwarden/v1/targets/host'])
    expect((await behind.ask('/portwarden/v1/targets/host')).status).toBe(200)
    await behind.stop()
  })
})
