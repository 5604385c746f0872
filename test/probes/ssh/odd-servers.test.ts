import { expect, test } from 'vitest'
import { encodeText, encodeUint32 } from '../../../src/probes/ssh/fields.ts'
import { messages } from '../../../src/probes/ssh/packet.ts'
import { probeSsh } from '../../../src/probes/ssh/probe.ts'
import { judged } from '../../domain/protocols/judging.ts'
import { seeWithOpenSsh } from '../../support/openssh-client.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type SshServerOptions, sshServerLists, startSshServer } from '../../support/peers/ssh-server.ts'
import { probeIo } from '../../support/probe-io.ts'

const message = (number: number, ...parts: Buffer[]) => Buffer.concat([Buffer.of(number), ...parts])
const anytime = [
  message(messages.ignore, encodeText('noise')),
  message(messages.debug, Buffer.of(0), encodeText('noise'), encodeText('')),
  message(messages.unimplemented, encodeUint32(0)),
]
const extInfo = message(7, encodeUint32(1), encodeText('server-sig-algs'), encodeText('ssh-ed25519'))
const globalRequest = message(80, encodeText('hostkeys-00@openssh.com'), Buffer.of(0))
const wrongGuess = message(messages.kexReply, encodeText('a guess'))

// OpenSSH takes zlib only after authentication.
const lists = { ...sshServerLists, compressionServerToClient: ['none'] }
const withEmptyNames = Object.fromEntries(Object.entries(lists).map(([list, names]) => [list, [...names, '']]))

/** As ExtremeXOS sends it: its SSH server ends every list with a comma. */
const extremeXos: SshServerOptions = {
  greeting: 'SSH-2.0-Mocana SSH 5.3.1\r\n',
  lists: {
    kex: ['diffie-hellman-group14-sha1', 'diffie-hellman-group1-sha1', ''],
    hostKey: ['ssh-ed25519', 'ssh-rsa', ''],
    cipherClientToServer: ['aes256-cbc', '3des-cbc', 'blowfish-cbc', ''],
    cipherServerToClient: ['aes256-cbc', '3des-cbc', 'blowfish-cbc', ''],
    macClientToServer: ['hmac-sha1', 'hmac-md5', ''],
    macServerToClient: ['hmac-sha1', 'hmac-md5', ''],
    compressionClientToServer: ['none', ''],
    compressionServerToClient: ['none', ''],
  },
}

/** Padding of 255 bytes that are not zero. */
function widePacket(payload: Buffer): Buffer {
  const padding = 255 - ((5 + payload.length + 255) % 8)
  const head = Buffer.concat([encodeUint32(1 + payload.length + padding), Buffer.of(padding)])
  return Buffer.concat([head, payload, Buffer.alloc(padding, 0xa5)])
}

function withReserved(payload: Buffer): Buffer {
  const changed = Buffer.from(payload)
  changed.writeUInt32BE(0xdeadbeef, changed.length - 4)
  return changed
}

const runProbe = ({ host, port }: { host: string; port: number }) =>
  probeSsh({ host, address: host, port }, {}, probeIo({ deadlineMs: 10_000 }))

describeWithPeers(['openssh'], 'probeSsh is as liberal as OpenSSH', () => {
  test.each<[string, SshServerOptions]>([
    ['ends its lists with an empty name', { lists: withEmptyNames }],
    ['ends a list with NUL', { lists: { macClientToServer: ['hmac-sha2-256\0'] } }],
    ['has a name with spaces and control bytes', { lists: { hostKey: ['a \x07name', 'ssh-ed25519'] } }],
    ['has a name of 1,000 bytes', { lists: { hostKey: ['a'.repeat(1_000), 'ssh-ed25519'] } }],
    ['sets the reserved field', { kexInit: withReserved }],
    ['has a KEXINIT of 250,000 bytes', { lists: { hostKey: ['ssh-ed25519', ...Array(25_000).fill('a@b.test')] } }],
    ['pads its packets with 255 bytes', { packet: widePacket }],
    ['sends 1,023 lines before its identification', { greeting: `${'welcome\r\n'.repeat(1_023)}SSH-2.0-peer\r\n` }],
    ['sends a line of 8,192 bytes before', { greeting: `${'a'.repeat(8_192)}\nSSH-2.0-peer\r\n` }],
    ['has an identification of 8,192 bytes', { greeting: `SSH-2.0-${'a'.repeat(8_184)}\r\n` }],
    ['ends its identification with LF', { greeting: 'SSH-2.0-peer\n' }],
    ['ends its identification with CR CR LF', { greeting: 'SSH-2.0-peer\r\r\n' }],
    ['ends its identification with spaces', { greeting: 'SSH-2.0-peer  \r\n' }],
    ['has a software version of one space', { greeting: 'SSH-2.0- \r\n' }],
    ['is of protocol 1.99', { greeting: 'SSH-1.99-peer\r\n' }],
    ['is of protocol 2.1', { greeting: 'SSH-2.1-peer\r\n' }],
    ['sends messages before its KEXINIT', { early: [...anytime, extInfo, wrongGuess] }],
    ['sends messages after its KEXINIT', { interposed: [...anytime, extInfo] }],
    [
      'makes a wrong guess',
      { lists: { kex: ['group-of-its-own', 'curve25519-sha256'] }, guessFollows: true, interposed: [wrongGuess] },
    ],
  ])('shows the host key of a server that %s', async (_what, options) => {
    await using server = await startSshServer({ ...options, lists: { ...lists, ...options.lists } })
    const { reason, facts } = await runProbe(server)
    const hostKey = { type: 'ssh-ed25519', sha256: server.fingerprint, verified: true }
    expect({ reason, hostKey: facts.hostKey }).toEqual({ reason: 'ssh-ok', hostKey })
    expect((await seeWithOpenSsh(server)).hostKey).toBe(`ssh-ed25519 ${server.fingerprint}`)
  })

  test.each<[string, SshServerOptions]>([
    ['has NUL in its identification', { greeting: 'SSH-2.0-pe\0er\r\n' }],
    ['has NUL in a line before', { greeting: 'wel\0come\r\nSSH-2.0-peer\r\n' }],
    ['sends 1,024 lines before', { greeting: `${'welcome\r\n'.repeat(1_024)}SSH-2.0-peer\r\n` }],
    ['sends a line of 8,193 bytes before', { greeting: `${'a'.repeat(8_193)}\r\nSSH-2.0-peer\r\n` }],
    ['has an identification of another protocol', { greeting: 'SSH-x-peer\r\n' }],
    ['is of protocol 3.0', { greeting: 'SSH-3.0-peer\r\n' }],
    ['has a KEXINIT of 300,000 bytes', { lists: { hostKey: ['ssh-ed25519', ...Array(30_000).fill('a@b.test')] } }],
    ['has a KEXINIT that is too long', { kexInit: (payload) => Buffer.concat([payload, Buffer.of(0)]) }],
    ['sends a request of the connection protocol', { early: [globalRequest] }],
    ['has a KEXINIT that is too short', { kexInit: (payload) => payload.subarray(0, -1) }],
  ])('shows no host key of a server that %s', async (_what, options) => {
    await using server = await startSshServer({ ...options, lists: { ...lists, ...options.lists } })
    const { state, reason, facts } = await runProbe(server)
    expect(facts).not.toHaveProperty('hostKey')
    expect(judged({ ssh: { speaks: true } }, { state, reason, facts }, 'ssh').result).toBe('fail')
    expect((await seeWithOpenSsh(server)).hostKey).toBeUndefined()
  })

  test('shows the lists of ExtremeXOS without their empty names, and finds what a rule forbids', async () => {
    await using server = await startSshServer(extremeXos)
    const { state, reason, facts } = await runProbe(server)
    expect(reason).toBe('ssh-ok')
    const weak = ['KexAlgorithms=+diffie-hellman-group14-sha1', 'Ciphers=+aes256-cbc']
    expect(facts.algorithms).toEqual((await seeWithOpenSsh(server, weak)).algorithms)
    const judge = (name: string) => judged({ ssh: { forbid: [name] } }, { state, reason, facts }, 'ssh')
    expect(judge('3des-cbc')).toMatchObject({ result: 'fail', reason: 'ssh-algorithm-forbidden' })
    expect(judge('arcfour')).toMatchObject({ result: 'pass' })
  })

  test('keeps what was sent of an identification with NUL, and escapes it', async () => {
    await using server = await startSshServer({ greeting: 'SSH-2.0-pe\0er\r\n' })
    expect((await runProbe(server)).facts).toEqual({ identification: 'SSH-2.0-pe\\x00er' })
  })
})
