import { encode, type Packet } from 'dns-packet'
import fc from 'fast-check'
import { Value } from 'typebox/value'
import { describe, expect, test } from 'vitest'
import { protocols } from '../../../src/domain/protocols/index.ts'
import { probeDns } from '../../../src/probes/dns/probe.ts'
import { probeInTime } from '../../support/endure.ts'
import { startDatagramPeer } from '../../support/peers/datagrams.ts'

const zone = 'lab.test'

const probe = ({ host, port }: { host: string; port: number }, deadlineMs: number) =>
  probeInTime(deadlineMs, (io) => probeDns({ host, address: host, port }, { transport: 'udp', zone }, io))

const authoritative = 0x400
const soa = { type: 'SOA', name: zone, data: { mname: 'ns1.lab.test', rname: 'admin.lab.test' } } as const
const respond = (query: Buffer, flags = authoritative, parts: Packet = { answers: [soa] }) =>
  encode({ type: 'response', id: query.readUInt16BE(0), flags, ...parts })
const withAnotherId = (message: Buffer) => {
  const copy = Buffer.from(message)
  copy.writeUInt16BE((copy.readUInt16BE(0) + 1) % 0x10000, 0)
  return copy
}

describe('probeDns over UDP', () => {
  test('believes the response with its number alone', async () => {
    const forged = (query: Buffer) =>
      withAnotherId(respond(query, authoritative, { answers: [{ ...soa, name: 'x.test' }] }))
    await using peer = await startDatagramPeer((query) => [forged(query), Buffer.alloc(0), query, respond(query)])
    const { state, reason, facts } = await probe(peer, 5_000)
    expect({ state, reason }).toEqual({ state: 'open', reason: 'dns-responded' })
    expect(facts.dns?.zone).toEqual({ name: zone, rcode: 'NOERROR', authoritative: true, primary: 'ns1.lab.test' })
  })

  test.each<[string, (query: Buffer) => Uint8Array[]]>([
    ['nothing', () => []],
    ['another number', (query) => [withAnotherId(respond(query))]],
    ['its query', (query) => [query]],
    ['something else', () => [Buffer.from('SSH-2.0-x\r\n')]],
  ])('does not know a port that sends back %s', async (_what, reply) => {
    await using peer = await startDatagramPeer(reply)
    const { state, reason, facts } = await probe(peer, 300)
    expect({ state, reason, facts }).toEqual({ state: 'unknown', reason: 'udp-no-response', facts: {} })
  })

  test('reports a malformed response as a violation', async () => {
    await using peer = await startDatagramPeer((query) => [
      Buffer.concat([query.subarray(0, 2), Buffer.from('84000000ffff00000000', 'hex')]),
    ])
    expect(await probe(peer, 5_000)).toMatchObject({ state: 'open', reason: 'protocol-violation', facts: {} })
  })

  test('repeats a query without EDNS for a server that does not know it', async () => {
    const hasOption = (query: Buffer) => query.readUInt16BE(10) > 0
    await using peer = await startDatagramPeer((query) => [hasOption(query) ? respond(query, 1, {}) : respond(query)])
    const { facts } = await probe(peer, 5_000)
    expect(facts.dns?.zone?.authoritative).toBe(true)
    expect(peer.received.map(hasOption)).toEqual([false, true, false])
  })

  test('ends with valid facts for any datagram', async () => {
    let body: Uint8Array = new Uint8Array()
    await using peer = await startDatagramPeer((query) => [
      Buffer.concat([query.subarray(0, 2), Buffer.of(0x84, 0), body]),
    ])
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 8, maxLength: 200 }), async (bytes) => {
        body = bytes
        const { state, facts } = await probe(peer, 5_000)
        expect([state, Value.Check(protocols.dns.facts, facts)]).toEqual(['open', true])
      }),
      { numRuns: 300 },
    )
  })
})
