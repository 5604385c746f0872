import { afterAll, beforeAll, expect, test } from 'vitest'
import { listenSilently } from '../../support/app.ts'
import type { Listening } from '../../support/listen.ts'
import { freePort } from '../../support/ports.ts'
import { startService, type TestService } from '../../support/service.ts'

let service: TestService
let open: Listening
beforeAll(async () => {
  ;[service, open] = await Promise.all([startService(), listenSilently()])
})
afterAll(() => Promise.all([service?.stop(), open?.close()]))

// biome-ignore lint/suspicious/noExplicitAny: items are read as their readers do, without types
type Item = any
const keys: Record<string, (item: Item) => string> = {
  '/v1/targets': ({ name }) => name,
  '/v1/audits': ({ id }) => id,
  '/v1/reports/history': ({ fingerprint, from }) => `${fingerprint} ${from}`,
}

/** Reads a listing incrementally, in small pages, until it is stopped; returns the merged items. */
async function readInTurns(listing: string, isOver: () => boolean): Promise<Map<string, Item>> {
  const known = new Map<string, Item>()
  let since = '1970-01-01T00:00:00Z'
  for (let over = false; !over; ) {
    over = isOver() // one more reading after the last change
    let [cursor, asOf] = ['', since]
    do {
      const { body } = await service.call('GET', `${listing}?updatedSince=${since}&limit=7${cursor}`)
      for (const item of body.items) {
        const key = keys[listing]?.(item) ?? ''
        known.set(key, item)
      }
      asOf = body.asOf
      cursor = body.next === null ? '' : `&cursor=${body.next}`
    } while (cursor !== '')
    since = asOf
  }
  return known
}

test('who reads in turns while audits are accepted and end knows everything as it is at the end', async () => {
  let over = false
  const reading = Object.keys(keys).map((listing) => readInTurns(listing, () => over))
  const closedPort = await freePort()
  const some = Array.from({ length: 5 }, (_, i) => i)
  for (const round of some) {
    const ids = await Promise.all(
      some.map((one) => {
        // What must be open is so in every second round: spans end and begin.
        const params = { openPort: round % 2 ? open.port : closedPort, closedPort }
        return service.accept({
          targets: [
            { name: `t-${round}-${one}`, address: '127.0.0.1' },
            { name: `t-${one}`, address: '127.0.0.1' },
          ],
          params,
        })
      }),
    )
    await Promise.all(ids.map(service.ended))
  }
  over = true
  const known = await Promise.all(reading)
  for (const [i, listing] of Object.keys(keys).entries()) {
    const whole = (await service.walk(`${listing}?limit=1000`)).flat()
    expect(whole.length, listing).toBeGreaterThan(24)
    const items = new Map(whole.map((item) => [keys[listing]?.(item), item]))
    expect(Object.fromEntries(known[i] ?? []), listing).toEqual(Object.fromEntries(items))
  }
})
