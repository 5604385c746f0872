import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { createOwnEndpoints } from '../../../src/probes/network/denied-endpoints.ts'
import { createEgressPolicy, parseAllow } from '../../../src/probes/network/egress-policy.ts'

const everywhere = parseAllow('0.0.0.0/0,::/0')
const local = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
const nowhere = async () => {
  throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' })
}

test('a listener is denied as soon as it is added', () => {
  const own = createOwnEndpoints(nowhere)
  const egress = createEgressPolicy({ allow: everywhere, never: own.list })
  expect(egress.permits('127.0.0.1', 8080)).toBe(true)
  own.addListener({ address: '127.0.0.1', port: 8080 })
  expect(egress.permits('127.0.0.1', 8080)).toBe(false)
  expect(egress.permits('127.0.0.1', 8081)).toBe(true)
})

test.each(['0.0.0.0', '::'])('a listener at %s is denied at every address of this machine', (address) => {
  const own = createOwnEndpoints(nowhere)
  own.addListener({ address, port: 8080 })
  const egress = createEgressPolicy({ allow: everywhere, never: own.list })
  const addresses = [...local.map((one) => one.address).filter((one) => !one.startsWith('fe80')), '127.0.0.9', '::1']
  expect(addresses.filter((one) => egress.permits(one, 8080))).toEqual([])
  expect(egress.permits('192.0.2.1', 8080)).toBe(true)
})

test('the database is denied at every current and former address of its name', async () => {
  let addresses = ['192.0.2.7', '2001:db8::7']
  const own = createOwnEndpoints(async () => addresses)
  await own.addHost('db.example.org', 5432)
  addresses = ['192.0.2.8']
  await own.refresh()
  const egress = createEgressPolicy({ allow: everywhere, never: own.list })
  const dialled = ['192.0.2.7', '2001:db8::7', '::ffff:192.0.2.7', '192.0.2.8', '192.0.2.9']
  expect(dialled.filter((one) => egress.permits(one, 5432))).toEqual(['192.0.2.9'])
  expect(egress.permits('192.0.2.7', 443)).toBe(true)
})

test('a database on this machine is denied at its other addresses too', async () => {
  const own = createOwnEndpoints(nowhere)
  await own.addHost('127.0.0.1', 5432)
  const egress = createEgressPolicy({ allow: everywhere, never: own.list })
  expect(local.filter(({ address }) => egress.permits(address, 5432))).toEqual([])
  expect(egress.permits('127.0.0.1', 22)).toBe(true)
})

test('an unresolvable name denies nothing, and is resolved again', async () => {
  let lookup: () => Promise<string[]> = nowhere
  const own = createOwnEndpoints(() => lookup())
  await own.addHost('db.example.org', 5432)
  expect(own.list).toEqual([])
  lookup = async () => ['192.0.2.7']
  await own.refresh()
  expect(own.list).toEqual([{ address: '192.0.2.7', port: 5432 }])
})
