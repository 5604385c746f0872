import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import type { Observation } from '../../../src/domain/findings/observation.ts'
import { createDeadline } from '../../../src/probes/engine/deadline.ts'
import { watchDescriptors } from '../../../src/probes/engine/descriptor-pressure.ts'
import { isConnection } from '../../../src/probes/engine/probe.ts'
import { createDialler } from '../../../src/probes/network/dial.ts'
import { createEgressPolicy } from '../../../src/probes/network/egress-policy.ts'
import { connectorForTest } from '../../support/connectors.ts'
import { type Listening, listen } from '../../support/listen.ts'
import { observeIn, observeWithDescriptors, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startNetwork } from '../../support/peers/netns.ts'

const tcp = (host: string, port: number) => ({ probe: 'tcp' as const, host, port, options: {} })

/** Counts of each state and reason. */
function tally(observations: Observation[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { state, reason } of observations.flatMap(({ addressResults }) => addressResults)) {
    counts[`${state}, ${reason}`] = (counts[`${state}, ${reason}`] ?? 0) + 1
  }
  return counts
}

describe('with 128 file descriptors and 2,000 targets', () => {
  /** 200 targets that listen on one port, and 1,800 that do not. */
  async function startTargets(): Promise<{ listening: Listening[]; targets: string[]; port: number }> {
    const first = await listen(net.createServer(), '127.7.0.1')
    const others = Array.from({ length: 199 }, (_, index) =>
      listen(net.createServer(), `127.7.0.${index + 2}`, first.port),
    )
    const closed = Array.from({ length: 1_800 }, (_, index) => `127.8.${index >> 8}.${index & 255}`)
    const listening = [first, ...(await Promise.all(others))]
    return { listening, targets: [...listening.map(({ host }) => host), ...closed], port: first.port }
  }

  const wrong = ({ host, addressResults: [seen] }: Observation) =>
    seen.state !== 'unknown' && seen.state !== (host.startsWith('127.7.') ? 'open' : 'closed')

  test('a budget above the limit gives unknown, never a wrong state', async () => {
    const { listening, targets, port } = await startTargets()
    const checks = targets.map((host) => tcp(host, port))
    // The other connector never holds many descriptors, because loopback responds immediately.
    const settings = { ...patience, connectorKind: 'node', sockets: 2_000, perHost: 2_000 } as const
    const seen = await observeWithDescriptors(128, { ...settings, checks })
    expect(seen.filter(wrong)).toEqual([])
    expect(tally(seen)).toHaveProperty('unknown, descriptors-exhausted')
    for (const { close } of listening) await close()
  })

  test('a budget within the limit gives the true state of every target', async () => {
    const { listening, targets, port } = await startTargets()
    const checks = targets.map((host) => tcp(host, port))
    const seen = await observeWithDescriptors(128, { ...patience, sockets: 2_000, withinDescriptors: true, checks })
    expect(tally(seen)).toEqual({ 'open, tcp-connected': 200, 'closed, connection-refused': 1_800 })
    for (const { close } of listening) await close()
  })
})

test('an event loop that was blocked beyond the deadline still sees an open port as open', async () => {
  const { host, port, close } = await listen(net.createServer())
  const { dial } = createDialler({
    connector: await connectorForTest(),
    egress: createEgressPolicy({ allow: [{ cidr: '127.0.0.0/8' }] }),
    descriptors: watchDescriptors(),
  })
  const dialling = dial({ host, address: host, port }, createDeadline(200))
  process.nextTick(blockFor, 300) // during the connect
  const result = await dialling
  expect(isConnection(result)).toBe(true)
  if (isConnection(result)) result.socket.destroy()
  await close()
})

function blockFor(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

describeWithPeers(['netns', 'tcpdump'], 'a vantage with a local failure', () => {
  test('without ephemeral ports: unknown, and earlier results are right', async () => {
    await using network = await startNetwork()
    await network.exec('client', ['sh', '-c', 'echo 40000 40009 > /proc/sys/net/ipv4/ip_local_port_range'])
    const server = network.spawn('target', [
      process.execPath,
      '-e',
      `net.createServer().listen(1010, () => console.log('up'))`,
    ])
    await once(server.stdout ?? server, 'data')
    const checks = Array.from({ length: 50 }, () => tcp(network.targetAddress, 1010))
    const seen = tally(await observeIn(network, { ...patience, checks }))
    expect(seen).toEqual({ 'open, tcp-connected': 10, 'unknown, ports-exhausted': 40 })
  })

  test('a local port without a listener is closed, even if the kernel connects it to itself', async () => {
    await using network = await startNetwork()
    await network.exec('client', ['sh', '-c', 'echo 40000 40000 > /proc/sys/net/ipv4/ip_local_port_range'])
    const seen = await observeIn(network, { ...patience, checks: [tcp('127.0.0.1', 40_000), tcp('::1', 40_000)] })
    expect(tally(seen)).toEqual({ 'closed, connection-refused': 2 })
  })

  test('without IPv6: unknown', async () => {
    await using network = await startNetwork()
    await network.exec('client', ['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6'])
    const seen = await observeIn(network, { ...patience, checks: [tcp('::1', 80), tcp('fd00:db8::2', 80)] })
    expect(tally(seen)).toEqual({ 'unknown, no-local-route': 2 })
  })

  test('without any network: unknown, even if it disappears during a probe', async () => {
    await using network = await startNetwork()
    const capture = network.spawn('target', ['tcpdump', '-i', 'peer0', '-c', '1', 'tcp port 1001'])
    await once(capture.stderr ?? capture, 'data') // it is listening
    const waiting = observeIn(network, { ...patience, checks: [tcp(network.targetAddress, 1001)] })
    await once(capture, 'exit') // the SYN was captured
    await network.exec('client', ['ip', 'link', 'set', 'peer0', 'down'])
    expect(tally(await waiting)).toEqual({ 'unknown, no-local-route': 1 })
    const after = await observeIn(network, { ...patience, checks: [tcp(network.targetAddress, 1001)] })
    expect(tally(after)).toEqual({ 'unknown, no-local-route': 1 })
  })

  test('without name servers: unknown, and not unresolved', async () => {
    await using network = await startNetwork()
    const etc = `/etc/netns/${network.namespaces.client}` // `ip netns exec` mounts these files over /etc
    await mkdir(etc, { recursive: true })
    try {
      for (const nameserver of ['127.0.0.1', '203.0.113.53', network.absentAddress, network.targetAddress]) {
        await writeFile(`${etc}/resolv.conf`, `nameserver ${nameserver}\noptions timeout:1 attempts:1\n`)
        const seen = await observeIn(network, { ...patience, timeoutMs: 500, checks: [tcp('dc1.lab.test', 389)] })
        expect(seen[0]?.addressResults).toMatchObject([
          { address: null, state: 'unknown', reason: 'dns-unavailable', attempts: 0 },
        ])
      }
    } finally {
      await rm(etc, { recursive: true })
    }
  })
})
