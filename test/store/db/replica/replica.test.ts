import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildServer } from '../../../../src/api/server.ts'
import { startTestAppOn, type TestApp } from '../../../support/app.ts'
import { query } from '../../../support/database-server.ts'
import { describeWithPeers } from '../../../support/peers/available.ts'
import { type Postgres15, type Standby, startPostgres15, startStandby } from '../../../support/peers/postgres15.ts'

describeWithPeers(['postgresql'], 'a replica', () => {
  let primary: Postgres15
  let standby: Standby
  let app: TestApp
  let server: Awaited<ReturnType<typeof buildServer>>
  let authorization: string
  beforeAll(async () => {
    primary = await startPostgres15()
    standby = await startStandby(primary.url)
    app = await startTestAppOn(primary.url, {
      DATABASE_URL: primary.url,
      DATABASE_DIRECT_URL: '',
      DATABASE_REPLICA_URL: standby.url,
    })
    server = await buildServer(app.serverParts)
    authorization = `Bearer ${await app.stores.keys.create('test', ['admin'])}`
  })
  afterAll(async () => {
    await server?.close()
    await app?.close()
    await standby?.stop()
    await primary?.stop()
  })

  const headers = () => ({ authorization })
  const put = async (name: string) => {
    const payload = { address: '127.0.0.1' }
    const { statusCode } = await server.inject({
      method: 'PUT',
      url: `/v1/targets/${name}`,
      headers: headers(),
      payload,
    })
    expect(statusCode).toBe(201)
  }
  /** The names that the search finds, and when the response was true. */
  const search = async (text: string) => {
    const response = await server.inject({ method: 'GET', url: `/v1/search?q=${text}`, headers: headers() })
    expect(response.statusCode).toBe(200)
    const names = response.json<{ targets: { name: string }[] }>().targets.map(({ name }) => name)
    return { names, asOf: new Date(String(response.headers['portwarden-as-of'])) }
  }
  /** How many searches of this name a server has run that it remembers. */
  const searches = async (url: string) => {
    const [row] = await query<{ at: Date | null }>(url, [
      `SELECT max(query_start) AS at FROM pg_stat_activity WHERE application_name = 'portwarden' AND query LIKE '/* report */%target%'`,
    ])
    return row?.at?.getTime() ?? 0
  }
  const servedBy = async (name: string) => {
    const urls = [primary.url, standby.url]
    const before = await Promise.all(urls.map(searches))
    expect((await search(name)).names).toEqual([name])
    const after = await Promise.all(urls.map(searches))
    return { primary: (after[0] ?? 0) > (before[0] ?? 0), standby: (after[1] ?? 0) > (before[1] ?? 0) }
  }

  test('serves reads, each of which sees every write before it and says its time', async () => {
    for (let i = 0; i < 20; i++) {
      const before = Date.now()
      await put(`fresh-${i}x`)
      const { names, asOf } = await search(`fresh-${i}x`)
      expect(names).toEqual([`fresh-${i}x`])
      expect(asOf.getTime()).toBeGreaterThanOrEqual(before - 1_000)
    }
    expect(await servedBy('fresh-0x')).toEqual({ primary: false, standby: true })
  })

  test('that is behind leaves the reads to the primary, which misses nothing', async () => {
    await query(standby.url, ['SELECT pg_wal_replay_pause()'])
    await put('behind')
    expect(await servedBy('behind')).toEqual({ primary: true, standby: false })
    await query(standby.url, ['SELECT pg_wal_replay_resume()'])
    await expect.poll(() => servedBy('behind')).toEqual({ primary: false, standby: true })
  })

  test('that ends leaves the reads to the primary', async () => {
    await standby.stop()
    expect((await search('behind')).names).toEqual(['behind'])
    expect((await search('behind')).names).toEqual(['behind'])
  })
})
