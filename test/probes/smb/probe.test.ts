import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SmbFacts, smbDialects } from '../../../src/domain/protocols/smb.ts'
import { isConnection } from '../../../src/probes/engine/probe.ts'
import { probeSmb } from '../../../src/probes/smb/probe.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { hostile, type Step, startHostile } from '../../support/peers/hostile.ts'
import { startSambaAd } from '../../support/peers/samba-ad.ts'
import { type Smbd, startSmbd } from '../../support/peers/smbd.ts'
import { probeIo } from '../../support/probe-io.ts'
import { run } from '../../support/processes.ts'
import { challengeResponse, negotiateResponse, smb1Response, smb2Error } from './responses.ts'

interface Address {
  host: string
  port: number
}

const probe = (
  { host, port }: Address,
  offerDialects: readonly (typeof smbDialects)[number][] = [],
  deadlineMs = 5_000,
) => probeSmb({ host, address: host, port }, { offerDialects: [...offerDialects] }, probeIo({ deadlineMs }))

const scripts = async (host: string, ...names: string[]) =>
  (await run('nmap', ['-Pn', '-n', '-p445', '--script', names.join(), host])).stdout

const nmapNames = {
  SMB1: 'NT LM 0.12 (SMBv1) [dangerous, but default]',
  'SMB2.0.2': '202',
  'SMB2.1': '210',
  'SMB3.0': '300',
  'SMB3.0.2': '302',
  'SMB3.1.1': '311',
} as const

/** The lines of smb-protocols and smb2-security-mode that follow from the facts. */
function asNmap({ dialect, dialects, signing }: NonNullable<SmbFacts['smb']>): string[] {
  const accepted = smbDialects.filter((one) => dialects?.[one] === 'accepted')
  const mode = dialect && signing?.[dialect] === 'required' ? 'enabled and required' : 'enabled but not required'
  return [...accepted.map((one) => nmapNames[one]), ...(dialect === 'SMB1' ? [] : [`Message signing ${mode}`])]
}

async function nmapSays(host: string): Promise<string[]> {
  const text = await scripts(host, 'smb-protocols', 'smb2-security-mode')
  const lines = text.split('\n').map((line) => line.replace(/^\|_? +/, ''))
  const known = Object.values<string>(nmapNames)
  const dialects = lines.filter((line) => known.includes(line))
  return [...dialects, ...lines.filter((line) => line.startsWith('Message signing'))]
}

describeWithPeers(['smbd', 'nmap'], 'smbd', () => {
  test.each<[string, Parameters<typeof startSmbd>[0], Partial<NonNullable<SmbFacts['smb']>>]>([
    ['of today', {}, { dialect: 'SMB3.1.1', encryption: 'supported', cipher: 'AES-128-GCM' }],
    ['with SMB1 too', { minProtocol: 'NT1' }, { dialect: 'SMB3.1.1' }],
    [
      'with SMB1 alone',
      { minProtocol: 'NT1', maxProtocol: 'NT1' },
      { dialect: 'SMB1', signing: { SMB1: 'disabled' }, encryption: 'not-supported' },
    ],
    [
      'with SMB1 alone that requires signatures',
      { minProtocol: 'NT1', maxProtocol: 'NT1', signing: 'mandatory' },
      { dialect: 'SMB1', signing: { SMB1: 'required' } },
    ],
    [
      'that requires signatures in SMB3',
      { minProtocol: 'SMB3', signing: 'mandatory' },
      { dialect: 'SMB3.1.1', signing: { 'SMB3.1.1': 'required' } },
    ],
    ['of SMB 2.1', { maxProtocol: 'SMB2_10' }, { dialect: 'SMB2.1', encryption: 'not-supported' }],
    ['of SMB 3.0', { maxProtocol: 'SMB3_00' }, { dialect: 'SMB3.0', encryption: 'supported' }],
    ['without encryption', { encrypt: 'off' }, { dialect: 'SMB3.1.1', encryption: 'not-supported' }],
  ])('%s shows what scripts of nmap show', async (_what, options, expected) => {
    await using smbd = await startSmbd(options)
    const { state, reason, facts } = await probe(smbd, smbDialects)
    expect({ state, reason, smb: facts.smb }).toMatchObject({ state: 'open', reason: 'smb-negotiated', smb: expected })
    expect(asNmap(facts.smb ?? {})).toEqual(await nmapSays(smbd.host))
  })

  describe('with its defaults', () => {
    let smbd: Smbd
    beforeAll(async () => {
      smbd = await startSmbd({ minProtocol: 'NT1' })
    })
    afterAll(() => smbd?.stop())

    test('shows the same facts twice, with its names and without times', async () => {
      const seen = [await probe(smbd), await probe(smbd)]
      expect(seen[0]?.facts).toEqual(seen[1]?.facts)
      const server = { netbiosName: 'FILES1', netbiosDomain: 'FILES1', version: '6.1.0' }
      expect(seen[0]?.facts.smb?.server).toMatchObject(server)
      expect(seen[0]?.facts.smb).not.toHaveProperty('dialects')
    })

    test('logs no logon for a probe, as it does for a script that logs on', async () => {
      const io = probeIo()
      const ports: (number | undefined)[] = []
      const connect: typeof io.connect = async (endpoint) => {
        const connection = await io.connect(endpoint)
        if (isConnection(connection)) ports.push(connection.socket.localPort)
        return connection
      }
      const endpoint = { host: smbd.host, address: smbd.host, port: smbd.port }
      await probeSmb(endpoint, { offerDialects: [...smbDialects] }, { ...io, connect })
      await scripts(smbd.host, 'smb-enum-shares')
      await expect.poll(smbd.log).toMatch(/^Auth: /m)
      expect(ports).toHaveLength(smbDialects.length)
      const logons = smbd.log().match(/^Auth: .*/gm) ?? []
      expect(logons.filter((line) => ports.some((port) => line.includes(`:${port}]`)))).toEqual([])
    })
  })
})

describeWithPeers(['samba-ad', 'smbd', 'nmap'], 'a domain controller', () => {
  test('requires signatures, refuses SMB1 and names its domain, as nmap says', async () => {
    await using ad = await startSambaAd({ services: ['s3fs'] })
    const { facts } = await probe({ host: ad.host, port: 445 }, smbDialects)
    expect(facts.smb).toMatchObject({
      dialect: 'SMB3.1.1',
      dialects: { SMB1: 'refused' },
      signing: { 'SMB3.1.1': 'required', 'SMB2.0.2': 'required' },
      server: { netbiosName: 'DC1', netbiosDomain: 'ADLAB', dnsName: ad.hostName, dnsDomain: 'ad.lab.test' },
    })
    expect(asNmap(facts.smb ?? {})).toEqual(await nmapSays(ad.host))
  })
})

const reply = (bytes: Buffer): Step => ({ reply: () => bytes })

describe('a peer that goes on otherwise', () => {
  const agreement = { dialect: 'SMB3.0', signing: { 'SMB3.0': 'enabled' }, encryption: 'not-supported' }
  test.each<[string, readonly Step[], string, object]>([
    ['is silent', hostile.silent, 'protocol-timeout', { spoke: 'nothing' }],
    ['ends without a byte', [{ receive: 1 }, 'end'], 'connection-closed', {}],
    ['resets', [{ receive: 1 }, { pauseMs: 20 }, 'reset'], 'connection-reset', {}],
    ['stops in a length', hostile.banner(Buffer.of(0, 0)), 'protocol-timeout', {}],
    ['announces too much', hostile.banner(Buffer.of(0, 0xff, 0xff, 0xff)), 'response-too-large', {}],
    ['announces more than comes', [reply(negotiateResponse().subarray(0, 50)), 'hang'], 'protocol-timeout', {}],
    ['ends in a response', [reply(negotiateResponse().subarray(0, 50)), 'end'], 'connection-closed', {}],
    [
      'responds with no SMB',
      hostile.banner(Buffer.from('00000004deadbeef', 'hex')),
      'protocol-mismatch',
      { spoke: 'other' },
    ],
    ['cuts off its response', [reply(negotiateResponse({ bytes: 80 })), 'hang'], 'protocol-violation', {}],
    [
      'agrees to what was not offered',
      [reply(negotiateResponse({ revision: 0x02ff })), 'hang'],
      'protocol-violation',
      {},
    ],
    ['refuses each dialect', [reply(smb2Error(0xc000_00bb)), 'hang'], 'smb-refused', { smb: {} }],
    ['is busy without end', [reply(Buffer.concat(Array(9).fill(smb2Error(0x103)))), 'hang'], 'response-too-large', {}],
    [
      'ends at the request for a challenge',
      [reply(negotiateResponse()), { receive: 1 }, 'end'],
      'smb-negotiated',
      { smb: agreement },
    ],
    ['is silent at it', [reply(negotiateResponse()), 'hang'], 'protocol-timeout', { smb: agreement }],
    [
      'has no challenge',
      [reply(negotiateResponse()), reply(smb2Error(0xc000_000d)), 'hang'],
      'smb-negotiated',
      { smb: agreement },
    ],
    [
      'has a challenge with hostile names',
      [reply(negotiateResponse()), reply(challengeResponse({ 1: 'A\x1b[31m', 3: 'x'.repeat(400), 7: 'time' })), 'hang'],
      'smb-negotiated',
      { smb: { ...agreement, server: { netbiosName: 'A\\x1b[31m', dnsName: 'x'.repeat(255) } } },
    ],
    ['responds as SMB1', [reply(smb1Response({ index: 0xffff, words: 1 })), 'hang'], 'smb-refused', { smb: {} }],
  ])('%s', async (_what, script, reason, expected) => {
    await using peer = await startHostile(script)
    expect(await probe(peer, [], 500)).toEqual({ state: 'open', reason, facts: expected })
  })

  test('is a closed port where nothing listens, as the dialler saw it', async () => {
    const peer = await startHostile([])
    await peer.stop()
    expect(await probe(peer)).toEqual({ state: 'closed', reason: 'connection-refused', facts: {} })
  })

  test('that closes at each dialect but one refuses the others; a silent one leaves them untested', async () => {
    const smb2Only: Step = {
      reply: (request) => (request.includes('SMB', 0, 'latin1') && request[4] === 0xfe ? negotiateResponse() : ''),
    }
    await using closes = await startHostile([smb2Only, { receive: 1 }, 'end'])
    const { facts } = await probe(closes, ['SMB3.0'], 1_000)
    expect(facts.smb?.dialects).toEqual({ 'SMB3.0': 'accepted' })
    await using silent = await startHostile([smb2Only, 'hang'])
    expect((await probe(silent, ['SMB1'], 500)).facts.smb?.dialects).toEqual({ SMB1: 'not-tested' })
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
    expect(await probe(peer, ['SMB1'], 500)).toEqual({ state: 'open', reason: 'protocol-mismatch', facts: { spoke } })
  })
})

describe('what is sent', () => {
  test('is a request for a challenge, and never an account', async () => {
    await using peer = await startHostile([reply(negotiateResponse()), reply(challengeResponse({ 1: 'A' })), 'hang'])
    await probe(peer)
    const sent = peer.received[0] ?? Buffer.alloc(0)
    const message = sent.indexOf('NTLMSSP\0', 0, 'latin1')
    expect(sent.readUInt32LE(message + 8)).toBe(1)
    expect(sent.indexOf('NTLMSSP\0', message + 1, 'latin1')).toBe(-1)
    expect(peer.received).toHaveLength(1)
  })
})
