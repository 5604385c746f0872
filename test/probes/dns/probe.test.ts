import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { probeDns } from '../../../src/probes/dns/probe.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startDnsmasq } from '../../support/peers/dnsmasq.ts'
import { type Named, services, startNamed } from '../../support/peers/named.ts'
import { type SambaAd, startSambaAd } from '../../support/peers/samba-ad.ts'
import { mustRun } from '../../support/processes.ts'
import { inTime, watchedIo } from '../../support/watched-io.ts'

interface Address {
  host: string
  port: number
}

const deadlineMs = 10_000

async function probe({ host, port }: Address, options: OptionsByProtocol['dns'] = {}) {
  const io = watchedIo({ deadlineMs })
  const seen = await inTime(deadlineMs, probeDns({ host: 'ns.lab.test', address: host, port }, options, io))
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  return { ...seen, connections: io.connections() }
}

/** Whether nmap's script finds recursion. */
async function nmapFindsRecursion({ host, port }: Address): Promise<boolean> {
  const scan = ['-n', '-Pn', '-sU', `-p${port}`, '--script', '+dns-recursion', host]
  return (await mustRun('nmap', scan)).includes('Recursion appears to be enabled')
}

async function expectAsNmap(at: Address, recursion: 'offered' | 'refused') {
  for (const transport of ['tcp', 'udp'] as const)
    expect((await probe(at, { transport, recursion: true })).facts.dns?.recursion).toBe(recursion)
  expect(await nmapFindsRecursion(at)).toBe(recursion === 'offered')
}

describeWithPeers(['named', 'nmap'], 'BIND', () => {
  let closed: Named
  let lax: Named
  beforeAll(async () => {
    ;[closed, lax] = await Promise.all([startNamed(), startNamed({ recursion: true, transfer: true })])
  })
  afterAll(async () => {
    await closed?.stop()
    await lax?.stop()
  })

  test('that is authoritative only refuses recursion and the transfer of its zone', async () => {
    const { state, reason, facts, connections } = await probe(closed, {
      zone: 'LAB.test',
      services,
      zoneTransfer: true,
    })
    expect({ state, reason, connections }).toEqual({ state: 'open', reason: 'dns-responded', connections: 2 })
    expect(facts).toEqual({
      dns: {
        rcode: 'REFUSED',
        recursion: 'refused',
        zone: { name: 'lab.test', rcode: 'NOERROR', authoritative: true, primary: 'ns1.lab.test' },
        records: [
          '_kerberos._tcp.lab.test SRV 0 100 88 dc1.lab.test',
          '_ldap._tcp.dc._msdcs.lab.test SRV 0 100 389 dc1.lab.test',
          '_ldap._tcp.dc._msdcs.lab.test SRV 0 100 389 dc2.lab.test',
        ],
        zoneTransfer: { outcome: 'refused', rcode: 'REFUSED' },
      },
    })
    expect(closed.log()).not.toMatch(/malformed|unexpected/i)
  })

  test('that is open offers recursion and transfers its zone', async () => {
    const { facts } = await probe(lax, { zone: lax.zone, zoneTransfer: true, recursion: true })
    expect(facts.dns).toMatchObject({ recursion: 'offered', zoneTransfer: { outcome: 'allowed', rcode: 'NOERROR' } })
  })

  test('lists what is missing, and zones of others', async () => {
    const { facts } = await probe(closed, {
      zone: 'other.test',
      services: ['_gc._tcp.lab.test', 'dc1.lab.test', '_ldap._tcp.other.test'],
      zoneTransfer: true,
    })
    expect(facts.dns).toMatchObject({
      zone: { name: 'other.test', rcode: 'REFUSED', authoritative: false },
      records: [],
      missing: ['_gc._tcp.lab.test NXDOMAIN', '_ldap._tcp.other.test REFUSED', 'dc1.lab.test NOERROR'],
      zoneTransfer: { outcome: 'refused', rcode: 'NOTAUTH' },
    })
  })

  test('shows the same facts twice, although it rotates its records', async () => {
    const options = { zone: closed.zone, services, zoneTransfer: true }
    expect((await probe(closed, options)).facts).toEqual((await probe(closed, options)).facts)
  })

  test('shows the same over UDP, and is requested the transfer over TCP', async () => {
    const options = { zone: closed.zone, services, zoneTransfer: true }
    const datagrams = await probe(closed, { ...options, transport: 'udp' })
    expect(datagrams.connections).toBe(1)
    expect(datagrams.facts).toEqual((await probe(closed, options)).facts)
  })

  test('with more records than a datagram holds shows them over TCP alone', async () => {
    const [service = ''] = services
    const hosts = Array.from(
      { length: 60 },
      (_, at) => `_ldap._tcp.dc._msdcs SRV 0 100 389 domain-controller-${at}.lab.test.`,
    )
    await using named = await startNamed({ records: hosts })
    const options = { services: [service] }
    expect((await probe(named, options)).facts.dns?.records).toHaveLength(60)
    const { dns } = (await probe(named, { ...options, transport: 'udp' })).facts
    expect(dns).toMatchObject({ records: [], truncated: [service] })
  })

  test('offers recursion where nmap finds it, and nowhere else', async () => {
    await expectAsNmap(closed, 'refused')
    await expectAsNmap(lax, 'offered')
  })
})

describeWithPeers(['dnsmasq', 'named', 'nmap'], 'dnsmasq', () => {
  test('offers recursion where nmap finds it, although it always says that recursion is available', async () => {
    await using upstream = await startNamed({ recursion: true })
    await using forwarding = await startDnsmasq({ upstream })
    await using alone = await startDnsmasq()
    await expectAsNmap(forwarding, 'offered')
    await expectAsNmap(alone, 'refused')
  })
})

describeWithPeers(['samba-ad', 'nmap'], 'the name server of a Samba domain controller', () => {
  let samba: SambaAd
  beforeAll(async () => {
    samba = await startSambaAd({ services: ['dns'] })
  })
  afterAll(() => samba?.stop())

  test('serves the zone of the domain and its domain controllers, and makes no transfer', async () => {
    const zone = samba.hostName.replace(/^dc1\./, '')
    const names = [`_ldap._tcp.dc._msdcs.${zone}`, `_kerberos._tcp.${zone}`]
    const { reason, facts } = await probe({ host: samba.host, port: 53 }, { zone, services: names, zoneTransfer: true })
    expect(reason).toBe('dns-responded')
    expect(facts.dns).toEqual({
      rcode: 'FORMERR',
      recursion: 'refused',
      zone: { name: zone, rcode: 'NOERROR', authoritative: true, primary: samba.hostName },
      records: [
        `_kerberos._tcp.${zone} SRV 0 100 88 ${samba.hostName}`,
        `_ldap._tcp.dc._msdcs.${zone} SRV 0 100 389 ${samba.hostName}`,
      ],
      zoneTransfer: { outcome: 'refused', rcode: 'NOERROR' },
    })
    await expectAsNmap({ host: samba.host, port: 53 }, 'refused')
  })
})
