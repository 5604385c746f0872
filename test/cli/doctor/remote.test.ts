import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { portwarden } from '../../support/commands.ts'
import { listen } from '../../support/listen.ts'
import { freePort } from '../../support/ports.ts'
import { run } from '../../support/processes.ts'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
let url: string
beforeAll(async () => {
  service = await startService()
  url = await service.listen()
})
afterAll(() => service.stop())

const doctor = (server: string, env: Record<string, string> = {}) =>
  run(process.execPath, [...portwarden('doctor'), '--server', server], { env: { PATH: process.env.PATH, ...env } })

describe('portwarden doctor --server', () => {
  test('says that a service is ready, and what a key may do', async () => {
    const { body } = await service.call('POST', '/v1/keys', { body: { name: 'branch', scopes: ['vantage:branch'] } })
    const { code, stdout } = await doctor(url, { PORTWARDEN_KEY: body.key })
    expect(stdout).toMatch(/^ok +service +http:\S+ is ready$/m)
    expect(stdout).toMatch(/^ok +key +branch may vantage:branch$/m)
    expect(stdout).not.toContain(body.key)
    expect(code).toBe(0)
  })

  test('fails for a key that the service refuses, and skips a key that is not there', async () => {
    const refused = await doctor(url, { PORTWARDEN_KEY: 'pw_0_unknown' })
    expect([refused.code, refused.stdout]).toEqual([
      1,
      expect.stringMatching(/^FAIL +key +the service refuses it \(401\)/m),
    ])
    const none = await doctor(url)
    expect([none.code, none.stdout]).toEqual([2, expect.stringMatching(/^skipped +key +set PORTWARDEN_KEY/m)])
  })

  test('fails where nothing responds, and where something else does', async () => {
    const away = await doctor(`http://127.0.0.1:${await freePort()}`)
    expect([away.code, away.stdout]).toEqual([
      1,
      expect.stringMatching(/^FAIL +service .* does not respond: .*ECONNREFUSED/m),
    ])
    const other = await listen(createServer((_request, response) => response.end('hello')))
    const found = await doctor(`http://127.0.0.1:${other.port}`)
    await other.close()
    expect(found.stdout).toMatch(
      /^FAIL +service .* responded 200, and not as Portwarden: check the URL and the proxy$/m,
    )
  })

  test('warns of a clock that differs', async () => {
    const old = await listen(
      createServer((_request, response) =>
        response
          .setHeader('date', new Date(Date.now() - 120_000).toUTCString())
          .end(JSON.stringify({ status: 'ok', version: '0.0.1', warnings: ['the disk is full'] })),
      ),
    )
    const { stdout } = await doctor(`http://127.0.0.1:${old.port}`)
    await old.close()
    expect(stdout).toMatch(/^WARN +clock +this clock is 1(19|20|21) s ahead of that of the service: synchronise both/m)
    expect(stdout).toMatch(/^WARN +service +the disk is full$/m)
    expect(stdout).toMatch(/^WARN +version +the service is 0\.0\.1, and this program is /m)
  })
})
