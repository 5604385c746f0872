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

/** A look-up whose answers are given by hand, in the order of the questions. */
function createNameServer() {
  const asked: string[] = []
  const answers: ((addresses: readonly string[]) => void)[] = []
  const lookup: Lookup = (name) => {
    asked.push(name)
    return new Promise((resolve) => answers.push(resolve))
  }
  return { asked, answers, lookup }
}

describe('a literal address', () => {
  const resolve = resolverWith(() => expect.unreachable('a literal address was looked up'))

  test('is its own answer, in one spelling', async () => {
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
  ])('in disguise, or a host that is none, is refused and not looked up: %j', async (host) => {
    expect(await resolve(host)).toEqual({ state: 'unknown', reason: 'invalid-host' })
  })
})

test('a name has each of its addresses once, IPv4 first, in an order that does not depend on the answer', async () => {
  const answer = ['fd00::2', '10.0.0.9', 'fd00::1', '10.0.0.10', '::ffff:10.0.0.9', 'FD00::1']
  const expected = ['10.0.0.10', '10.0.0.9', 'fd00::1', 'fd00::2']
  expect(await resolverWith(async () => answer)('dc.lab.test')).toEqual(expected)
  expect(await resolverWith(async () => answer.toReversed())('dc.lab.test')).toEqual(expected)
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
] as const)('the look-up error %s is %o', async ([code, outcome]) => {
  expect(await resolverWith(refusing(code))('dc.lab.test')).toEqual(outcome)
})

test('without a descriptor for the look-up, the system says "no such name", and it is not believed', async () => {
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

test('"no such name" is not believed when descriptors ran out while it was looked up', async () => {
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

test('the same name is looked up once at a time, and again after that', async () => {
  const { asked, answers, lookup } = createNameServer()
  const resolve = resolverWith(lookup)
  const both = [resolve('dc.lab.test'), resolve('DC.lab.test')]
  await turn()
  answers[0]?.(['10.0.0.1'])
  expect(await Promise.all(both)).toEqual([['10.0.0.1'], ['10.0.0.1']])
  const again = resolve('dc.lab.test')
  await turn()
  answers[1]?.(['10.0.0.2'])
  expect(await again).toEqual(['10.0.0.2'])
  expect(asked).toEqual(['dc.lab.test', 'dc.lab.test'])
})

test('no more look-ups run at once than there are threads for', async () => {
  const { asked, answers, lookup } = createNameServer()
  const resolve = resolverWith(lookup, { parallel: 2 })
  const all = ['a.test', 'b.test', 'c.test', 'd.test'].map(resolve)
  await turn()
  expect(asked).toEqual(['a.test', 'b.test'])
  answers[1]?.(['10.0.0.2'])
  expect(await all[1]).toEqual(['10.0.0.2'])
  await turn()
  expect(asked).toEqual(['a.test', 'b.test', 'c.test'])
  answers[0]?.(['10.0.0.1'])
  await turn()
  for (const answer of answers.slice(2)) answer(['10.0.0.3'])
  expect(await Promise.all(all)).toEqual([['10.0.0.1'], ['10.0.0.2'], ['10.0.0.3'], ['10.0.0.3']])
})

test('a look-up that is overdue is unknown, is not made again while it runs, and does not hold the other names', async () => {
  const { asked, answers, lookup } = createNameServer()
  const resolve = resolverWith(lookup, { timeoutMs: 500, parallel: 2 })
  expect(await resolve('dead.test')).toEqual({ state: 'unknown', reason: 'dns-unavailable' })
  expect(await resolve('dead.test')).toEqual({ state: 'unknown', reason: 'dns-unavailable' })
  const alive = resolve('alive.test')
  await turn()
  answers[1]?.(['10.0.0.1'])
  expect(await alive).toEqual(['10.0.0.1'])
  expect(asked).toEqual(['dead.test', 'alive.test'])
  answers[0]?.(['10.0.0.2']) // late, and then it may be asked again
  await turn()
  const again = resolve('dead.test')
  await turn()
  answers[2]?.(['10.0.0.2'])
  expect(await again).toEqual(['10.0.0.2'])
})

test('waiting for its turn does not count against the time of a look-up', async () => {
  const { answers, lookup } = createNameServer()
  const resolve = resolverWith(lookup, { timeoutMs: 500, parallel: 1 })
  const first = resolve('first.test')
  const second = resolve('second.test')
  expect(await first).toEqual({ state: 'unknown', reason: 'dns-unavailable' })
  answers[0]?.(['10.0.0.1'])
  await turn()
  answers[1]?.(['10.0.0.2'])
  expect(await second).toEqual(['10.0.0.2'])
})

test('when the name servers answer nothing at all, the names that wait are unknown, and the next ones at once', async () => {
  const { asked, answers, lookup } = createNameServer()
  const resolve = resolverWith(lookup, { timeoutMs: 500, parallel: 1, patienceMs: 1500 })
  const unavailable = { state: 'unknown', reason: 'dns-unavailable' }
  const all = ['a.test', 'b.test', 'c.test'].map(resolve)
  expect(await Promise.all(all)).toEqual([unavailable, unavailable, unavailable])
  expect(await resolve('d.test')).toEqual(unavailable)
  expect(asked).toEqual(['a.test'])
  answers[0]?.(['10.0.0.1']) // they are back
  await turn()
  const back = resolve('d.test')
  await turn()
  answers[1]?.(['10.0.0.4'])
  expect(await back).toEqual(['10.0.0.4'])
})

test('libuv gives half of its threads to look-ups', () => {
  expect([undefined, '', '1', '4', '16'].map((size) => lookupThreads({ UV_THREADPOOL_SIZE: size }))).toEqual([
    2, 1, 1, 2, 8,
  ])
})

/** Lets every promise that is settled call back. */
const turn = () => new Promise(setImmediate)
