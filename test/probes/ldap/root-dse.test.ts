import { expect, test } from 'vitest'
import { probeLdap } from '../../../src/probes/ldap/probe.ts'
import { rootDseResponse } from '../../support/ldap-bytes.ts'
import { startHostile } from '../../support/peers/hostile.ts'
import { probeIo } from '../../support/probe-io.ts'

/** Probes a directory with this rootDSE. */
async function probeWith(attributes: Parameters<typeof rootDseResponse>[1]) {
  await using peer = await startHostile([{ reply: () => rootDseResponse(1, attributes) }, 'hang'])
  return await probeLdap({ host: peer.host, address: peer.host, port: peer.port }, {}, probeIo())
}

test('strings in facts are printable and bounded, numbers and flags are strict', async () => {
  const { facts } = await probeWith({
    dnsHostName: [`dc\x1b[2J\r\n${'é'.repeat(5_000)}`],
    ldapServiceName: ['one', 'two'],
    domainFunctionality: ['7 '],
    forestFunctionality: ['0x7'],
    domainControllerFunctionality: ['99999999999999999999'],
    isSynchronized: ['true'],
    isGlobalCatalogReady: ['FALSE'],
    supportedSASLMechanisms: ['NTLM', 'GSSAPI', 'NTLM'],
  })
  const { dnsHostName, ...rest } = facts.rootDse ?? {}
  expect(dnsHostName).toMatch(/^dc\\x1b\[2J\\x0d\\x0a(\\xc3\\xa9)+/)
  expect(dnsHostName).toMatch(/^[ -~]{1,500}$/)
  expect(rest).toEqual({ isGlobalCatalogReady: false, supportedSaslMechanisms: ['GSSAPI', 'NTLM'] })
})

test('attribute names are case-insensitive, and levels may be any number', async () => {
  const { facts } = await probeWith({
    DNSHOSTNAME: ['dc.lab.test'],
    domainfunctionality: ['10'],
    FORESTFUNCTIONALITY: ['0'],
  })
  expect(facts.rootDse).toEqual({ dnsHostName: 'dc.lab.test', domainFunctionality: 10, forestFunctionality: 0 })
})

test.each([
  ['a domain controller', ['1.2.840.113556.1.4.800', '1.2.840.113556.1.4.1670'], true],
  ['a read-only domain controller', ['1.2.840.113556.1.4.1920', '1.2.840.113556.1.4.800'], true],
  ['AD LDS', ['1.2.840.113556.1.4.1851'], false],
  ['a capability with the same prefix', ['1.2.840.113556.1.4.8001'], false],
])('%s', async (_what, supportedCapabilities, activeDirectory) => {
  const { facts } = await probeWith({ supportedCapabilities })
  expect(facts).toMatchObject({ activeDirectory, rootDse: { supportedCapabilities: supportedCapabilities.toSorted() } })
})

const hourMs = 3_600_000
const generalizedTime = (time: number) => `${new Date(time).toISOString().replace(/\D/g, '').slice(0, 14)}.0Z`

test.each([
  ['ahead', hourMs],
  ['behind', -hourMs],
])('a clock that is an hour %s shows as such, to half a second', async (_what, aheadMs) => {
  const { measurements, facts } = await probeWith({ currentTime: [generalizedTime(Date.now() + aheadMs)] })
  expect(Math.abs((measurements?.clockSkewMs ?? Number.NaN) - aheadMs)).toBeLessThan(1_000)
  expect(facts.rootDse, 'time is not evidence').toEqual({})
})

test.each(['20261399999999.0Z', '20260101000000', '20260101000000+0100', 'now', ''])(
  'an invalid time (%j) gives no measurement',
  async (currentTime) => {
    expect((await probeWith({ currentTime: [currentTime] })).measurements).toBeUndefined()
  },
)
