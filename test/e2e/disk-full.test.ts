import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { query } from '../support/database-server.ts'
import { type ApiResponse, startService, type TestService } from '../support/service.ts'
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts'

const tablespace = `pwtest_small_${randomBytes(4).toString('hex')}`
// Mounting takes root. On CI nothing of it may be left out.
const describeAsRoot = process.env.CI || process.getuid?.() === 0 ? describe : describe.skip

describeAsRoot('a process whose own disk is full', () => {
  let disk: SmallDisk
  let service: TestService
  beforeAll(async () => {
    disk = await mountSmallDisk(8)
    service = await startService({ working: false, env: { PORTWARDEN_DATA_DIR: join(disk.tablespace, 'data') } })
  })
  afterAll(async () => {
    await service?.stop()
    await disk?.remove()
  })

  const load = (count: number) =>
    service.call('POST', '/v1/targets/import', {
      body: ['name,address', ...Array.from({ length: count }, (_, i) => `host-${i},127.0.0.1`)].join('\n'),
      headers: { 'content-type': 'text/csv' },
    })

  test('responds with 503 to an import that it cannot spool and imports nothing of it, until there is room again', async () => {
    await disk.fill()
    const { status, headers, body } = await load(20_000)
    expect([status, headers['retry-after'], Object.keys(body).toSorted()]).toEqual([
      503,
      expect.stringMatching(/^\d+$/),
      ['requestId', 'status', 'title', 'type'],
    ])
    expect((await service.call('GET', '/v1/targets')).body.items).toEqual([])
    await disk.free()
    expect(await load(20_000)).toMatchObject({ status: 200, body: { created: 20_000 } })
  })

  test('loses no row where the room ends in the middle of one', async () => {
    await disk.fill()
    await disk.spare(8 * 1024) // for a part of one write
    expect((await load(1_000)).status).toBe(503)
    await disk.free()
  })
})

describeAsRoot('a database whose disk is full', () => {
  let disk: SmallDisk
  let service: TestService
  let server: string
  beforeAll(async () => {
    disk = await mountSmallDisk(32)
    service = await startService()
    server = Object.assign(new URL(service.url), { pathname: '/postgres' }).href
    await query(server, [`CREATE TABLESPACE ${tablespace} LOCATION '${disk.tablespace}'`])
    for (const table of ['target', 'audit']) await service.query(`ALTER TABLE ${table} SET TABLESPACE ${tablespace}`)
  })
  afterAll(async () => {
    await service.stop()
    await query(server, [`DROP TABLESPACE ${tablespace}`])
    await disk.remove()
  })

  const create = (name: string) => {
    const labels = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`label-${i}`, randomBytes(60).toString('hex')]),
    )
    return service.call('POST', '/v1/targets', { body: { name, address: '127.0.0.1', labels } })
  }

  test('responds with 503 to what it cannot store and goes on with the rest, until there is room again', async () => {
    expect((await create('before')).status).toBe(201)
    await disk.fill()
    let refused: ApiResponse | undefined
    for (let i = 0; i < 500 && refused === undefined; i++) {
      const response = await create(`full-${i}`)
      if (response.status !== 201) refused = response
    }
    expect(refused?.status).toBe(503)
    expect(refused?.headers['retry-after']).toMatch(/^\d+$/)
    expect(refused?.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(Object.keys(refused?.body).sort()).toEqual(['requestId', 'status', 'title', 'type'])

    expect((await service.call('GET', '/v1/targets/before')).status).toBe(200)
    expect((await service.call('GET', '/readyz')).status).toBe(200)

    await disk.free()
    expect((await create('after')).status).toBe(201)
    const body = { policy: 'ports', targets: ['after'], params: { openPort: 1, closedPort: 1 } }
    const { status, body: audit } = await service.call('POST', '/v1/audits', { body })
    expect([200, 202]).toContain(status)
    expect(await service.ended(audit.id)).toMatchObject({ status: 'completed' })
  })
})
