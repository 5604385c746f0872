import { beforeAll, describe, expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { type RdpFacts, type RdpSecurity, rdpSecurities } from '../../../src/domain/protocols/rdp.ts'
import { probeRdp } from '../../../src/probes/rdp/probe.ts'
import { type Certificate, peerAuthority } from '../../support/certificates.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startFreerdpShadow } from '../../support/peers/freerdp-shadow.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { startXrdp } from '../../support/peers/xrdp.ts'
import { probeIo } from '../../support/probe-io.ts'
import { run } from '../../support/processes.ts'
import { plainConfirm, refusal, selection, windows } from './responses.ts'

interface Address {
  host: string
  port: number
}

const hostName = 'desktop.lab.test'
const probe = ({ host, port }: Address, options: OptionsByProtocol['rdp'] = {}, deadlineMs = 5_000) =>
  probeRdp({ host: hostName, address: host, port }, options, probeIo({ deadlineMs }))
const offerSecurities = [...rdpSecurities]

/** What is accepted; all others are refused. */
const onlyAccepts = (...accepted: RdpSecurity[]) =>
  Object.fromEntries(rdpSecurities.map((one) => [one, accepted.includes(one) ? 'accepted' : 'refused']))

/** The lines of rdp-enum-encryption that follow from the facts; nmap requests TLS beside CredSSP and takes either for it. */
function asNmap({ securities = {} }: NonNullable<RdpFacts['rdp']>): string[] {
  const { standard, tls, nla, rdstls } = securities
  const lines = {
    'CredSSP (NLA)': nla === 'accepted' || tls === 'accepted',
    'CredSSP with Early User Auth': securities['nla-early-auth'] === 'accepted',
    'Native RDP': standard === 'accepted',
    RDSTLS: rdstls === 'accepted',
    SSL: tls === 'accepted',
  }
  return Object.entries(lines).flatMap(([name, accepted]) => (accepted ? [`${name}: SUCCESS`] : []))
}

async function nmapSays({ host, port }: Address): Promise<string[]> {
  const { stdout } = await run('nmap', ['-Pn', '-n', `-p${port}`, '--script', '+rdp-enum-encryption', host])
  const [, layers = ''] = stdout.split('Security layer')
  return [...layers.matchAll(/(?:CredSSP|Native|RDSTLS|SSL).*: SUCCESS/g)].map(([line]) => line)
}

describeWithPeers(['freerdp-shadow', 'nmap'], 'a server of FreeRDP', () => {
  test.each([
    ['nla', 'rdp-tls-ok'],
    ['tls', 'rdp-tls-ok'],
    ['rdp', 'rdp-without-tls'],
  ] as const)('with %s alone shows what nmap shows', async (security, expected) => {
    await using peer = await startFreerdpShadow(security)
    const { state, reason, facts } = await probe(peer, { offerSecurities })
    const selected = security === 'rdp' ? 'standard' : security
    expect({ state, reason }).toEqual({ state: 'open', reason: expected })
    expect(facts.rdp).toEqual({ selected, securities: onlyAccepts(selected) })
    expect(facts.certificate?.selfSigned).toBe(security === 'rdp' ? undefined : true)
    expect(asNmap(facts.rdp ?? {})).toEqual(await nmapSays(peer))
  })
})

describeWithPeers(['xrdp'], 'xrdp', () => {
  test('with TLS: its certificate, its versions, and the same facts twice', async () => {
    await using xrdp = await startXrdp({ securityLayer: 'tls', protocols: 'TLSv1.2' })
    const options: OptionsByProtocol['rdp'] = {
      trustedCa: xrdp.ca,
      offerVersions: ['TLSv1.2', 'TLSv1.3'],
      offerSecurities,
    }
    const seen = [await probe(xrdp, options), await probe(xrdp, options)]
    expect(seen[0]).toMatchObject({ state: 'open', reason: 'rdp-tls-ok' })
    expect(seen[0]?.facts).toMatchObject({
      protocol: 'TLSv1.2',
      trusted: true,
      nameMatches: true,
      versions: { 'TLSv1.2': 'accepted', 'TLSv1.3': 'refused' },
      rdp: { selected: 'tls', securities: onlyAccepts('tls') },
    })
    expect(seen[0]?.facts).toEqual(seen[1]?.facts)
  })

  // It confirms what it does not know with standard security, which nmap takes for a success of each.
  test.each([
    ['negotiate', ['standard', 'tls']],
    ['rdp', ['standard']],
  ] as const)('with security layer %s accepts what it selects', async (securityLayer, accepted) => {
    await using xrdp = await startXrdp({ securityLayer })
    const { facts } = await probe(xrdp, { offerSecurities })
    expect(facts.rdp).toEqual({ selected: accepted.at(-1), securities: onlyAccepts(...accepted) })
  })
})

describe('Windows, as [MS-RDPBCGR] has it respond', () => {
  let identity: Certificate
  beforeAll(async () => {
    identity = await (await peerAuthority()).issue({ commonName: hostName, subjectAltName: `DNS:${hostName}` })
  })
  /** TLS begins after each selection, whether the client wants it or not. */
  const server = (accepted: readonly number[], code: number): Step[] => [
    { reply: windows(accepted, code) },
    { upgrade: identity },
    'hang',
  ]

  test.each<[string, number[], number, RdpSecurity, RdpSecurity[]]>([
    ['that requires NLA', [8, 2], 5, 'nla-early-auth', ['nla', 'nla-early-auth']],
    ['that allows TLS', [8, 2, 1], 1, 'nla-early-auth', ['tls', 'nla', 'nla-early-auth']],
    ['of 2008', [2, 1, 0], 1, 'nla', ['standard', 'tls', 'nla']],
    ['of a cluster with RDSTLS', [8, 4, 2], 5, 'nla-early-auth', ['nla', 'nla-early-auth', 'rdstls']],
  ])('%s', async (_what, accepts, code, selected, accepted) => {
    await using peer = await startHostile(server(accepts, code))
    const { reason, facts } = await probe(peer, { offerSecurities })
    expect({ reason, rdp: facts.rdp }).toEqual({
      reason: 'rdp-tls-ok',
      rdp: { selected, securities: onlyAccepts(...accepted) },
    })
    expect(facts).toMatchObject({ protocol: 'TLSv1.3', nameMatches: true })
    expect(facts).not.toHaveProperty('spoke')
  })

  test.each<[string, Step, string]>([
    ['that has standard security alone', { reply: windows([0], 2) }, 'rdp-without-tls'],
    ['of 2003, without a negotiation', { reply: () => plainConfirm }, 'rdp-without-tls'],
  ])('%s', async (_what, step, reason) => {
    await using peer = await startHostile([step, 'hang'])
    const seen = await probe(peer, { offerSecurities })
    const rdp = { selected: 'standard', securities: onlyAccepts('standard') }
    expect(seen).toEqual({ state: 'open', reason, facts: { rdp } })
  })
})

describe('a peer that goes on otherwise', () => {
  test.each<[string, readonly Step[], string, object]>([
    ['is silent', hostile.silent, 'protocol-timeout', { spoke: 'nothing' }],
    ['ends without a byte', [{ receive: 1 }, 'end'], 'connection-closed', {}],
    ['resets', [{ receive: 1 }, { pauseMs: 20 }, 'reset'], 'connection-reset', {}],
    ['stops in a header', hostile.banner(Buffer.of(3, 0)), 'protocol-timeout', {}],
    ['announces too much', hostile.banner(Buffer.of(3, 0, 0xff, 0xff)), 'response-too-large', {}],
    ['announces nothing', hostile.banner(Buffer.of(3, 0, 0, 4)), 'protocol-mismatch', { spoke: 'other' }],
    ['ends in its response', [{ receive: 1 }, { send: selection(1).subarray(0, 10) }, 'end'], 'connection-closed', {}],
    [
      'confirms nothing',
      hostile.banner(Buffer.from('0300000b06800000123400', 'hex')),
      'protocol-mismatch',
      { spoke: 'other' },
    ],
    [
      'cuts off its selection',
      hostile.banner(Buffer.from('0300000d08d000001234000200', 'hex')),
      'protocol-violation',
      {},
    ],
    ['selects what was not offered', hostile.banner(selection(4)), 'protocol-violation', {}],
    ['selects what does not exist', hostile.banner(selection(3)), 'protocol-violation', {}],
    ['refuses everything', hostile.banner(refusal(4)), 'rdp-refused', { rdp: { refusedWith: 4 } }],
    [
      'sends bytes in clear behind its selection',
      hostile.banner(Buffer.concat([selection(1), Buffer.of(1)])),
      'protocol-violation',
      {},
    ],
    [
      'responds in clear to the handshake',
      [{ reply: () => selection(1) }, { receive: 1 }, { send: 'hello' }, 'hang'],
      'protocol-violation',
      { rdp: { selected: 'tls' } },
    ],
    [
      'ends at the handshake',
      [{ reply: () => selection(2) }, { receive: 1 }, 'end'],
      'connection-closed',
      { rdp: { selected: 'nla' } },
    ],
    [
      'is silent at the handshake',
      [{ reply: () => selection(2) }, 'hang'],
      'protocol-timeout',
      { rdp: { selected: 'nla' } },
    ],
  ])('%s', async (_what, script, reason, facts) => {
    await using peer = await startHostile(script)
    expect(await probe(peer, {}, 500)).toEqual({ state: 'open', reason, facts })
  })

  test('that refuses everything and is silent at standard security alone is undecided', async () => {
    const once: Step = { reply: (request) => (request.readUInt32LE(15) === 0 ? '' : refusal(2)) }
    await using peer = await startHostile([once, 'hang'])
    const { reason, facts } = await probe(peer, { offerSecurities: ['standard'] }, 500)
    expect({ reason, rdp: facts.rdp }).toEqual({
      reason: 'protocol-timeout',
      rdp: { refusedWith: 2, securities: { standard: 'not-tested' } },
    })
  })

  test('is a closed port where nothing listens, as the dialler saw it', async () => {
    const peer = await startHostile([])
    await peer.stop()
    expect(await probe(peer)).toEqual({ state: 'closed', reason: 'connection-refused', facts: {} })
  })
})

describe('a peer of another protocol', () => {
  test.each<[string, readonly Step[], string]>([
    ['SSH', hostile.ssh, 'ssh'],
    ['SMTP', hostile.smtp, 'smtp'],
    ['HTTP', hostile.http, 'http'],
    ['a TLS alert', hostile.banner(Buffer.from('15030100020246', 'hex')), 'other'],
    ['bytes of no protocol', hostile.garbage, 'other'],
  ])('is recognised: %s', async (_what, script, spoke) => {
    await using peer = await startHostile(script)
    const seen = await probe(peer, { offerSecurities }, 500)
    expect(seen).toEqual({ state: 'open', reason: 'protocol-mismatch', facts: { spoke } })
  })
})

test('a request names no user', async () => {
  await using peer = await startHostile(hostile.banner(refusal(5)))
  await probe(peer)
  expect(peer.received[0]?.toString('hex')).toBe(`030000130ee000000000000100080${'00b000000'}`)
})
