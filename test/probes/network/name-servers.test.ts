import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { observeIn, patience } from '../../support/observe-in.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type Network, startNetwork } from '../../support/peers/netns.ts'

/** A name server whose response code, address or silence depends on the first label (RFC 1035 section 4.1). */
const nameServer = (address: string) => `
  const codes = { nodata: 0, target: 0, formerr: 1, servfail: 2, nxdomain: 3, refused: 5 }
  const server = require('node:dgram').createSocket('udp4', (query, { port, address }) => {
    const label = query.toString('latin1', 13, 13 + query[12])
    if (!(label in codes)) return
    const end = query.indexOf(0, 12) + 5
    const isA = query.readUInt16BE(end - 4) === 1
    const recordCount = label === 'target' && isA ? 1 : 0
    const head = Buffer.alloc(12)
    query.copy(head, 0, 0, 2)
    head.writeUInt16BE(0x8180 | codes[label], 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(recordCount, 6)
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ${address.replaceAll('.', ', ')}])
    server.send(Buffer.concat([head, query.subarray(12, end), ...(recordCount ? [record] : [])]), port, address)
  })
  server.bind(53, '${address}', () => console.log('up'))`

describeWithPeers(['netns'], 'with a real name server', () => {
  let network: Network
  let etc: string
  beforeAll(async () => {
    network = await startNetwork()
    etc = `/etc/netns/${network.namespaces.client}` // `ip netns exec` mounts these files over /etc
    await mkdir(etc, { recursive: true })
    await writeFile(`${etc}/resolv.conf`, `nameserver ${network.targetAddress}\noptions timeout:2 attempts:1\n`)
    const server = network.spawn('target', [process.execPath, '-e', nameServer(network.targetAddress)])
    await once(server.stdout ?? server, 'data')
  })
  afterAll(async () => {
    if (etc) await rm(etc, { recursive: true, force: true })
    await network?.stop()
  })

  test.each([
    ['a name that does not exist', 'nxdomain', 'unresolved', 'name-not-found'],
    ['a name without an address', 'nodata', 'unresolved', 'name-not-found'],
    ['a server failure', 'servfail', 'unknown', 'dns-unavailable'],
    ['a refusal', 'refused', 'unknown', 'dns-unavailable'],
    ['no response', 'silent', 'unknown', 'dns-unavailable'],
  ])('%s has its own state and reason', async (_what, label, state, reason) => {
    const check = { probe: 'tcp' as const, host: `${label}.lab.test`, port: 80, options: {} }
    const [seen] = await observeIn(network, { ...patience, timeoutMs: 3_000, checks: [check] })
    expect(seen?.addressResults).toMatchObject([{ address: null, state, reason, attempts: 0 }])
  })

  test('a resolved address is dialled', async () => {
    const check = { probe: 'tcp' as const, host: 'target.lab.test', port: 81, options: {} }
    const [seen] = await observeIn(network, { ...patience, timeoutMs: 3_000, checks: [check] })
    expect(seen?.addressResults).toMatchObject([
      { address: network.targetAddress, state: 'closed', reason: 'connection-refused' },
    ])
  })
})
