import { expect, test } from 'vitest'
import { openDatabase } from '../../../src/store/db/database.ts'
import { isUnavailable, throughOutages } from '../../../src/store/db/outages.ts'
import { freePorts } from '../../support/ports.ts'

/** What the driver throws where no server listens. */
async function unreachable(): Promise<unknown> {
  const [port] = await freePorts(1)
  const database = openDatabase(`postgresql://nobody@127.0.0.1:${port}/nothing`, { connections: 1 })
  return database.ping().then(
    () => undefined,
    (error: unknown) => error,
  )
}

test('a database that does not answer is an outage, and a mistake is none', async () => {
  expect(isUnavailable(await unreachable())).toBe(true)
  expect(isUnavailable(new Error('a mistake'))).toBe(false)
})

test('work outlasts an outage that ends in time', async () => {
  const error = await unreachable()
  let tries = 0
  const done = throughOutages(async () => {
    tries += 1
    if (tries < 3) throw error
    return 'recorded'
  })
  expect(await done).toBe('recorded')
  expect(tries).toBe(3)
})

test('a long outage is reported when the patience ends', async () => {
  const error = await unreachable()
  await expect(throughOutages(() => Promise.reject(error), 50)).rejects.toBe(error)
})

test('an error that is no outage is thrown immediately', async () => {
  let tries = 0
  const mistaken = throughOutages(async () => {
    tries += 1
    throw new Error('a mistake')
  })
  await expect(mistaken).rejects.toThrow('a mistake')
  expect(tries).toBe(1)
})
