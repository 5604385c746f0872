import { describe, expect, test } from 'vitest'
import { watchDescriptors } from '../../../src/probes/engine/descriptor-pressure.ts'
import { createResolver, type Lookup, lookupThreads, systemLookup } from '../../../src/probes/network/resolve.ts'
import { runWithDescriptors } from '../../support/program.ts'

const failure = (code: string) => Object.assign(new Error(code), { code })
const refusing =
  (code: string): Lookup =>
  () =>
    Promise.reject(failure(code))

function resolverWith(lookup: Lookup, { timeoutMs = 5_000, parallel = 2, patienceMs = 5_000 } = {}) {
  return createResolver({ lookup, timeoutMs, parallel, patienceMs, descriptors: watchDescriptors() })
}

/** A lookup whose responses the test supplies, in the order of the queries. */
function createNameServer() {
  const names: string[] = []
  const responses: ((addresses: readonly string[]) => void)[] = []
  const lookup: Lookup = (name) => {
    names.push(name)
    return new Promise((resolve) => responses.push(resolve))
  }
  return { names, responses, lookup }
}

describe('a literal address', () => {
  const resolve = resolverWith(() => expect.unreachable('a literal address was resolved'))

  test('resolves to itself, in canonical form', async () => {
    expect(await resolve('192.0.2.1')).toEqual(['192.0.2.1'])
    expect(await resolve('FD00:0:0::01')).toEqual(['fd00::1'])
    expect(await resolve('::ffff:192.0.2.1')).toEqual(['192.0.2.1'])
  })

  test.for([
    '',
    '127.1',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    '1.2.3',
    'fe80::1%lo',
    'a b',
    '-x.test',
    'a..b',
    '[::1]',
    'x'.repeat(254),
  ])('in another spelling, or an invalid host, is refused without a lookup: %j', async (host) => {
    expect(await resolve(host)).toEqual({ state: 'unknown', reason: 'invalid-host' })
  })
})

test('a name has each of its addresses once, IPv4 first, in an order that does not depend on the response', async () => {
  const addresses = ['fd00::2', '10.0.0.9', 'fd00::1', '10.0.0.10', '::ffff:10.0.0.9', 'FD00::1']
  const expected = ['10.0.0.10', '10.0.0.9', 'fd00::1', 'fd00::2']
  expect(await resolverWith(async () => addresses)('dc.lab.test')).toEqual(expected)
  expect(await resolverWith(async () => addresses.toReversed())('dc.lab.test')).toEqual(expected)
})

test('the system resolves localhost by /etc/hosts', async () => {
  expect(await resolverWith(systemLookup)('localhost')).toContain('127.0.0.1')
})

test.for([
  ['ENOTFOUND', { state: 'unresolved', reason: 'name-not-found' }],
  ['EAI_AGAIN', { state: 'unknown', reason: 'dns-unavailable' }],
  ['EAI_FAIL', { state: 'unknown', reason: 'dns-unavailable' }],
  ['EMFILE', { state: 'unknown', reason: 'descriptors-exhausted' }],
  ['ENFILE', { state: 'unknown', reason: 'descriptors-exhausted' }],
  ['EAI_MEMORY', { state: 'unknown', reason: 'local-resources' }],
] as const)('the lookup error %s gives %o', async ([code, outcome]) => {
  expect(await resolverWith(refusing(code))('dc.lab.test')).toEqual(outcome)
})

test('"no such name" without a free descriptor is not believed', async () => {
  const probes = `${import.meta.dirname}/../../../src/probes`
  const program = `
    import { openSync } from 'node:fs'
    import { watchDescriptors } from '${probes}/engine/descriptor-pressure.ts'
    import { createResolver, systemLookup } from '${probes}/network/resolve.ts'
    const codes = []
    const lookup = (name) => systemLookup(name).catch((error) => { codes.push(error.code); throw error })
    const resolve = createResolver({ lookup, timeoutMs: 5000, patienceMs: 5000, parallel: 2, descriptors: watchDescriptors() })
    try { for (;;) openSync('/dev/null') } catch {}
    process.stdout.write(JSON.stringify([await resolve('localhost'), codes]))`
  const [outcome, codes] = (await runWithDescriptors(64, program)) as unknown[]
  expect(outcome).toEqual({ state: 'unknown', reason: 'descriptors-exhausted' })
  expect(codes).toEqual(['ENOTFOUND'])
})

test('"no such name" is not believed if descriptors ran out during the lookup', async () => {
  const descriptors = watchDescriptors()
  const resolve = createResolver({
    timeoutMs: 5_000,
    parallel: 2,
    patienceMs: 5_000,
    descriptors,
    lookup: async () => {
      descriptors.ranOut()
      throw failure('ENOTFOUND')
    },
  })
  expect(await resolve('dc.lab.test')).toEqual({ state: 'unknown', reason: 'descriptors-exhausted' })
})

test('concurrent requests for one name share a lookup, and later ones start another', async () => {
  const { names, responses, lookup } = createNameServer()
  const resolve = resolverWith(lookup)
  const both = [resolve('dc.lab.test'), resolve('DC.lab.test')]
  await turn()
  responses[0]?.(['10.0.0.1'])
  expect(await Promise.all(both)).toEqual([['10.0.0.1'], ['10.0.0.1']])
  const again = resolve('dc.lab.test')
  await turn()
  responses[1]?.(['10.0.0.2'])
  expect(await again).toEqual(['10.0.0.2'])
  expect(names).toEqual(['dc.lab.test', 'dc.lab.test'])
})

test('at most `parallel` lookups run concurrently', async () => {
  const { names, responses, lookup } = createNameServer()
  const resolve = resolverWith(lookup, { parallel: 2 })
  const all = ['a.test', 'b.test', 'c.test', 'd.test'].map(resolve)
  await turn()
  expect(names).toEqual(['a.test', 'b.test'])
  responses[1]?.(['10.0.0.2'])
  expect(await all[1]).toEqual(['10.0.0.2'])
  await turn()
  expect(names).toEqual(['a.test', 'b.test', 'c.test'])
  responses[0]?.(['10.0.0.1'])
  await turn()
  for (const respond of responses.slice(2)) respond(['10.0.0.3'])
  expect(await Promise.all(all)).toEqual([['10.0.0.1'], ['10.0.0.2'], ['10.0.0.3'], ['10.0.0.3']])
})

test('an overdue lookup gives unknown, is not repeated while it runs, and does not block other names', async () => {
  const { names, responses, lookup } = createNameServer()
  const resolve = resolverWith(lookup, { timeoutMs: 500, parallel: 2 })
  expect(await resolve('dead.test')).toEqual({ state: 'unknown', reason: 'dns-unavailable' })
  expect(await resolve('dead.test')).toEqual({ state: 'unknown', reason: 'dns-unavailable' })
  const alive = resolve('alive.test')
  await turn()
  responses[1]?.(['10.0.0.1'])
  expect(await alive).toEqual(['10.0.0.1'])
  expect(names).toEqual(['dead.test', 'alive.test'])
  responses[0]?.(['10.0.0.2']) // late; the next request starts a new lookup
  await turn()
  const again = resolve('dead.test')
  await turn()
  responses[2]?.(['10.0.0.2'])
  expect(await again).toEqual(['10.0.0.2'])
})

test('time in the queue does not count against the timeout of a lookup', async () => {
  const { responses, lookup } = createNameServer()
  const resolve = resolverWith(lookup, { timeoutMs: 500, parallel: 1 })
  const first = resolve('first.test')
  const second = resolve('second.test')
  expect(await first).toEqual({ state: 'unknown', reason: 'dns-unavailable' })
  responses[0]?.(['10.0.0.1'])
  await turn()
  responses[1]?.(['10.0.0.2'])
  expect(await second).toEqual(['10.0.0.2'])
})

test('while the name servers are silent, queued names are unknown, and later ones immediately', async () => {
  const { names, responses, lookup } = createNameServer()
  const resolve = resolverWith(lookup, { timeoutMs: 500, parallel: 1, patienceMs: 1500 })
  const unavailable = { state: 'unknown', reason: 'dns-unavailable' }
  const all = ['a.test', 'b.test', 'c.test'].map(resolve)
  expect(await Promise.all(all)).toEqual([unavailable, unavailable, unavailable])
  expect(await resolve('d.test')).toEqual(unavailable)
  expect(names).toEqual(['a.test'])
  responses[0]?.(['10.0.0.1']) // the name servers respond again
  await turn()
  const back = resolve('d.test')
  await turn()
  responses[1]?.(['10.0.0.4'])
  expect(await back).toEqual(['10.0.0.4'])
})

test('half of the threads of libuv may run lookups', () => {
  expect([undefined, '', '1', '4', '16'].map((size) => lookupThreads({ UV_THREADPOOL_SIZE: size }))).toEqual([
    2, 1, 1, 2, 8,
  ])
})

/** Runs the callbacks of every settled promise. */
const turn = () => new Promise(setImmediate)
