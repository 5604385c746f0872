import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { probeKerberos } from '../../../src/probes/kerberos/probe.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { kinit, type MitKdc, startMitKdc } from '../../support/peers/mit-kdc.ts'
import { type SambaAd, startSambaAd } from '../../support/peers/samba-ad.ts'
import { inTime, watchedIo } from '../../support/watched-io.ts'

const deadlineMs = 5_000

async function probe({ host, port }: { host: string; port: number }, options: OptionsByProtocol['kerberos'] = {}) {
  const io = watchedIo({ deadlineMs })
  const seen = await inTime(deadlineMs, probeKerberos({ host: 'kdc.lab.test', address: host, port }, options, io))
  expect(io.left()).toEqual({ sockets: 0, waits: 0 })
  return { ...seen, connections: io.connections() }
}

const responded = { state: 'open', reason: 'kerberos-responded' } as const
const unknownClient = { response: 'KRB-ERROR', errorCode: 6, errorName: 'KDC_ERR_C_PRINCIPAL_UNKNOWN' } as const

describeWithPeers(['mit-kdc'], 'a KDC of MIT Kerberos', () => {
  let kdc: MitKdc
  beforeAll(async () => {
    kdc = await startMitKdc()
  })
  afterAll(() => kdc?.stop())

  test('responds that the client does not exist, as it does to kinit', async () => {
    expect(await kinit(kdc, 'unknown', kdc.realm)).toContain('not found in Kerberos database')
    const { state, reason, facts, measurements, connections } = await probe(kdc)
    expect({ state, reason, facts, connections }).toEqual({
      ...responded,
      facts: { kerberos: unknownClient },
      connections: 1,
    })
    expect(Math.abs(measurements?.clockSkewMs ?? Number.NaN)).toBeLessThan(2_000)
  })

  test('responds the same for every realm, so that its realm is not shown', async () => {
    for (const name of [kdc.realm, 'OTHER.TEST']) {
      const { facts } = await probe(kdc, { realm: name })
      expect(facts.kerberos).toEqual({ ...unknownClient, realm: { name } })
    }
  })

  test('shows its realm by the client krbtgt, and that it does not serve another one', async () => {
    const served = await probe(kdc, { realm: kdc.realm, askKrbtgt: true })
    expect(served.facts.kerberos?.realm).toEqual({ name: kdc.realm, served: true })
    const other = await probe(kdc, { realm: 'OTHER.TEST', askKrbtgt: true })
    expect(other.facts.kerberos?.realm).toEqual({ name: 'OTHER.TEST', served: false })
    // Case matters to it.
    const lower = await probe(kdc, { realm: kdc.realm.toLowerCase(), askKrbtgt: true })
    expect(lower.facts.kerberos?.realm?.served).toBe(false)
  })

  test('shows the same facts twice, and whether its clock is within the limit', async () => {
    const options = { realm: kdc.realm, askKrbtgt: true, maxClockSkewSeconds: 300 }
    const seen = [await probe(kdc, options), await probe(kdc, options)]
    expect(seen[0]?.facts).toEqual(seen[1]?.facts)
    expect(seen[0]?.facts.kerberos?.clock).toEqual({ limitSeconds: 300, within: true })
  })

  test('shows the same over UDP', async () => {
    const options = { realm: kdc.realm, askKrbtgt: true, maxClockSkewSeconds: 300 }
    const { connections, ...datagrams } = await probe(kdc, { ...options, transport: 'udp' })
    expect(connections).toBe(0)
    expect(datagrams.facts).toEqual((await probe(kdc, options)).facts)
    expect(Math.abs(datagrams.measurements?.clockSkewMs ?? Number.NaN)).toBeLessThan(2_000)
  })

  test('logs the request of an unknown client', async () => {
    await probe(kdc, { realm: kdc.realm })
    expect(kdc.log()).toContain(`portwarden-unknown-5f2c81d4@${kdc.realm} for krbtgt/${kdc.realm}@${kdc.realm}`)
    expect(kdc.log()).not.toMatch(/PREAUTH_FAILED|INVALID_MSG|malformed/i)
  })
})

describeWithPeers(['samba-ad'], 'the KDC of a Samba domain controller', () => {
  let samba: SambaAd
  beforeAll(async () => {
    samba = await startSambaAd({ services: ['kdc'] })
  })
  afterAll(() => samba?.stop())

  test('shows its realm and encryption types by the client krbtgt alone', async () => {
    const at = { host: samba.host, port: 88 }
    const hidden = await probe(at, { realm: samba.realm })
    expect(hidden.facts.kerberos).toEqual({ ...unknownClient, realm: { name: samba.realm } })
    const { state, reason, facts } = await probe(at, { realm: samba.realm, askKrbtgt: true })
    expect({ state, reason }).toEqual(responded)
    expect(facts.kerberos).toEqual({
      ...unknownClient,
      realm: { name: samba.realm, served: true },
      encryptionTypes: expect.arrayContaining(['aes256-cts-hmac-sha1-96']),
    })
    const other = await probe(at, { realm: 'OTHER.TEST', askKrbtgt: true })
    expect(other.facts.kerberos?.realm).toEqual({ name: 'OTHER.TEST', served: false })
  })

  test('shows the same over UDP', async () => {
    const at = { host: samba.host, port: 88 }
    const options = { realm: samba.realm, askKrbtgt: true }
    const datagrams = await probe(at, { ...options, transport: 'udp' })
    expect(datagrams.facts).toEqual((await probe(at, options)).facts)
  })

  test('counts no failed logon', async () => {
    await probe({ host: samba.host, port: 88 }, { realm: samba.realm, askKrbtgt: true })
    expect(await samba.failedLogons({ ...samba.accounts.good, principal: `krbtgt@${samba.realm}` })).toBe(0)
  })
})
