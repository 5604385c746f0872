import { once } from 'node:events'
import { expect, test } from 'vitest'
import type { ProtocolName } from '../../../src/domain/protocols/index.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import {
  addresses,
  listenAt,
  type RoutedNetwork,
  setKernel,
  startProgram,
  startRoutedNetwork,
} from '../../support/peers/routed-netns.ts'
import { mustRun } from '../../support/processes.ts'

const kinds = ['auto', 'node'] as const
const { target } = addresses.IPv4

async function probe(
  network: RoutedNetwork,
  checks: readonly { probe?: ProtocolName; host?: string; port: number }[],
  connectorKind: (typeof kinds)[number],
) {
  const observations = await observeIn(network, {
    ...{ ...patience, connectorKind },
    checks: checks.map((check) => ({ probe: 'tcp', host: target, options: {}, ...check })),
  })
  return observations.map(({ addressResults: [{ state, reason }] }) => ({ state, reason }))
}

describeWithPeers(['netns'], 'a SYN proxy', () => {
  test('is open on every port that it serves, with or without a listener behind it', async () => {
    await using network = await startRoutedNetwork()
    await listenAt(network, 80)
    await setKernel(network.namespaces.far, ['netfilter/nf_conntrack_tcp_loose=0'])
    await network.nft(
      'far',
      `table ip proxy {
        chain prerouting { type filter hook prerouting priority raw; tcp dport { 80, 81 } tcp flags syn notrack; }
        chain forward {
          type filter hook forward priority filter;
          ct state { invalid, untracked } synproxy mss 1460 wscale 7 timestamp sack-perm;
          ct state invalid drop;
        }
      }`,
    )
    for (const kind of kinds) {
      const [listener, none, bypassed] = await probe(network, [{ port: 80 }, { port: 81 }, { port: 82 }], kind)
      expect(listener).toEqual({ state: 'open', reason: 'tcp-connected' })
      expect(none?.state).toBe('open')
      expect(bypassed).toEqual({ state: 'closed', reason: 'connection-refused' })
      // A protocol shows the difference: nothing speaks behind the proxy.
      const [ssh] = await probe(network, [{ probe: 'ssh', port: 81 }], kind)
      expect(ssh?.state).toBe('open')
      expect(['connection-reset', 'connection-closed', 'protocol-timeout']).toContain(ssh?.reason)
    }
  })
})

describeWithPeers(['netns'], 'a path with a small MTU', () => {
  /** A greeting of three packets that needs path MTU discovery. */
  const greeting = `
    require('node:net').createServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.write('250 OK\\r\\n'))
      socket.write('220-' + 'x'.repeat(500) + '\\r\\n' + ('220-' + 'x'.repeat(500) + '\\r\\n').repeat(6) + '220 ready\\r\\n')
    }).listen(25, () => console.log('up'))`

  async function startNarrow(): Promise<RoutedNetwork> {
    const network = await startRoutedNetwork()
    await startProgram(network, greeting)
    const { near, far } = network.namespaces
    await mustRun('ip', ['-n', near, 'link', 'set', 'to-far', 'mtu', '1000'])
    await mustRun('ip', ['-n', far, 'link', 'set', 'to-near', 'mtu', '1000'])
    return network
  }
  const checks = [{ port: 25 }, { port: 26 }, { probe: 'smtp' as const, port: 25 }]

  test('changes nothing where path MTU discovery works', async () => {
    await using network = await startNarrow()
    for (const kind of kinds) {
      const seen = await probe(network, checks, kind)
      expect(seen.map(({ state }) => state)).toEqual(['open', 'closed', 'open'])
      expect(seen[2]?.reason).not.toBe('protocol-timeout')
    }
  })

  test('leaves an open port open where the ICMP messages are lost: the protocol times out', async () => {
    await using network = await startNarrow()
    await network.nft('far', 'add rule inet peer forward icmp type destination-unreachable drop')
    await network.nft(
      'far',
      'table inet lost { chain output { type filter hook output priority 0; meta l4proto icmp drop; }; }',
    )
    for (const kind of kinds) {
      const seen = await probe(network, checks, kind)
      expect(seen).toEqual([
        { state: 'open', reason: 'tcp-connected' },
        { state: 'closed', reason: 'connection-refused' },
        { state: 'open', reason: 'protocol-timeout' },
      ])
    }
  })
})

/** Sends ICMP messages of every kind about connections that the sender does not see, with guessed sequence numbers. */
const forger = (client: string, victim: string, ports: readonly number[]) => `
import os, socket, struct, time
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
print('up', flush=True)
while True:
    for port in ${JSON.stringify(ports)}:
        for code in (0, 1, 2, 3, 9, 10, 13):
            ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 60, 1, 0x4000, 64, 6, 0, socket.inet_aton('${client}'), socket.inet_aton('${victim}'))
            tcp = struct.pack('!HHI', 40000, port, int.from_bytes(os.urandom(4), 'big'))
            body = struct.pack('!BBHI', 3, code, 0, 0) + ip + tcp
            raw.sendto(body[:2] + struct.pack('!H', checksum(body)) + body[4:], ('${client}', 0))
    time.sleep(0.005)
`

describeWithPeers(['netns', 'system-calls'], 'an ICMP message that a host forges for a connection to another', () => {
  test('is ignored', async () => {
    await using network = await startRoutedNetwork()
    const victim = '10.3.0.20'
    await mustRun('ip', ['-n', network.namespaces.target, 'addr', 'add', `${victim}/16`, 'dev', 'to-far'])
    await network.nft('target', `add rule inet peer input ip daddr ${victim} tcp dport 22 drop`)
    // With one source port, the forger knows all but the sequence number.
    await setKernel(network.namespaces.client, ['ipv4/ip_local_port_range=40000 40000'])
    const program = forger('10.1.0.1', victim, [22])
    const forging = network.spawn('target', ['/usr/bin/python3', '-I', '-c', program])
    await once(forging.stdout ?? forging, 'data')
    for (const kind of kinds) {
      const seen = await probe(network, [{ host: victim, port: 22 }], kind)
      expect(seen).toEqual([{ state: 'filtered', reason: 'no-response' }])
    }
    const counters = await network.exec('client', ['nstat', '-asz', 'TcpExtOutOfWindowIcmps'])
    expect(Number(/OutOfWindowIcmps\s+(\d+)/.exec(counters.stdout)?.[1])).toBeGreaterThan(0)
  })
})
