import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { AddressResult } from '../../../src/domain/findings/observation.ts'
import { portsOf } from '../../../src/domain/policy/port-set.ts'
import { probePortSet, summarize } from '../../../src/probes/engine/port-set.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startNetwork } from '../../support/peers/netns.ts'

const set = ['20-25', '1000-1005']

describeWithPeers(['netns', 'nmap'], 'a set of ports of a host with a firewall', () => {
  test('has the states of nmap -sT, and one result', async () => {
    await using network = await startNetwork()
    const program = `require('node:net').createServer().listen(22, '0.0.0.0', () => console.log('up'))`
    const server = network.spawn('target', [process.execPath, '-e', program])
    await once(server.stdout ?? server, 'data')
    const host = network.targetAddress
    const checks = [{ probe: 'tcp' as const, host, port: 20, options: { ports: set } }]
    const [seen] = await observeIn(network, { ...patience, checks })
    expect(seen).toMatchObject({ host, port: 20, ports: set })
    expect(seen?.addressResults).toMatchObject([{ state: 'open', reason: 'tcp-connected' }])
    expect(seen?.addressResults[0].facts).toEqual({
      open: ['22'],
      closed: ['20-21', '23-25', '1000', '1002'],
      filtered: ['1001', '1003-1005'], // 1003: port-unreachable, which a host with silent ports may not send each time
    })

    const nmap = await network.exec('client', ['nmap', '-sT', '-Pn', '-n', '-oG', '-', '-p', set.join(), host])
    const states = [...nmap.stdout.matchAll(/(\d+)\/(\w+)\/tcp/g)].map(([, port, state]) => [Number(port), state])
    const ours = Object.entries(seen?.addressResults[0].facts ?? {}).flatMap(([state, ports]) =>
      portsOf(ports as string[]).map((port) => [port, state]),
    )
    const withoutRejected = (all: unknown[][]) => all.filter(([port]) => port !== 1003).sort()
    expect(withoutRejected(states)).toEqual(withoutRejected(ours))
  })
})

type Result = AddressResult<'tcp'>
const at = (outcome: Pick<Result, 'state' | 'reason'>): Result => ({
  ...{ address: '10.0.0.1', facts: {}, latencyMs: 1, attempts: 1 },
  ...outcome,
})
const silent = at({ state: 'filtered', reason: 'no-response' })
const refused = at({ state: 'closed', reason: 'connection-refused' })
const absent = at({ state: 'unreachable', reason: 'host-unreachable' })

describe('the result of a set', () => {
  test('is silent if all ports are', () => {
    expect(summarize([1, 2], [silent, silent])).toMatchObject({ reason: 'no-response', facts: { filtered: ['1-2'] } })
  })

  test('shows that the host responds if one port does', () => {
    expect(summarize([1, 2], [silent, refused])).toMatchObject({ reason: 'connection-refused' })
  })

  test('is unreachable where some ports are reported and the others silent', () => {
    const { state, facts } = summarize([1, 2], [silent, absent])
    expect({ state, facts }).toEqual({ state: 'unreachable', facts: { unreachable: ['1-2'] } })
  })

  test('lists no port whose state is not known', () => {
    const failed = at({ state: 'unknown', reason: 'descriptors-exhausted' })
    expect(summarize([1, 2], [failed, refused]).facts).toEqual({ closed: ['2'] })
  })

  test('is bounded, and names the lists that were cut', () => {
    const ports = Array.from({ length: 4_000 }, (_, i) => i + 1)
    const { facts } = summarize(
      ports,
      ports.map((port) => (port % 2 ? refused : at({ state: 'open', reason: 'tcp-connected' }))),
    )
    expect(facts).toMatchObject({ omitted: ['closed', 'open'] })
    expect([facts.open?.length, facts.closed?.length]).toEqual([512, 512])
  })

  test('comes from a bounded number of ports at a time', async () => {
    const ports = Array.from({ length: 200 }, (_, i) => i + 1)
    let running = 0
    let most = 0
    await probePortSet(ports, async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise(setImmediate)
      running -= 1
      return refused
    })
    expect(most).toBe(32)
  })
})
