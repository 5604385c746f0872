import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readCertificate } from '../../../src/probes/ssh/certificate.ts'
import { probeSsh } from '../../../src/probes/ssh/probe.ts'
import type { KeyType } from '../../../src/probes/ssh/public-key.ts'
import { seeWithOpenSsh } from '../../support/openssh-client.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startSshd } from '../../support/peers/openssh.ts'
import { probeIo } from '../../support/probe-io.ts'
import { mustRun } from '../../support/processes.ts'
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts'

const keyTypes = [
  ['ed25519', 'ssh-ed25519', 'ssh-ed25519'],
  ['ecdsa', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp256'],
  ['rsa', 'ssh-rsa', 'rsa-sha2-512'],
  ['dsa', 'ssh-dss', 'ssh-dss'],
] as const
type Name = (typeof keyTypes)[number][0]

describeWithPeers(['openssh'], 'a host certificate', () => {
  let directory: TempDir
  const path = (name: string) => `${directory.path}/${name}`
  const issue = (key: Name, authority: string, ...more: string[]) =>
    mustRun('ssh-keygen', ['-q', '-s', path(authority), '-h', '-I', `id of ${key}`, ...more, path(`${key}.pub`)])

  beforeAll(async () => {
    directory = await makeTempDir('ssh-certificates')
    for (const [type] of keyTypes)
      for (const name of [type, `${type}-ca`])
        await mustRun('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', path(name)])
  })
  afterAll(() => directory.remove())

  /** What ssh-keygen prints of the certificate. */
  async function print(key: Name) {
    const text = await mustRun('ssh-keygen', ['-L', '-f', path(`${key}-cert.pub`)])
    const line = (pattern: RegExp) => pattern.exec(text)?.[1] ?? ''
    return {
      hostKey: line(/Public key: \S+ (SHA256:\S+)/),
      authority: line(/Signing CA: \S+ (SHA256:\S+)/),
      keyId: line(/Key ID: "(.*)"/),
      serial: line(/Serial: (\d+)/),
      principals: line(/Principals: \n((?: {16}.*\n)*)/)
        .split('\n')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
      kind: line(/Type: \S+ (\w+) certificate/),
    }
  }

  const read = async (key: Name, type: KeyType) => {
    const [, blob = ''] = (await readFile(path(`${key}-cert.pub`), 'latin1')).split(' ')
    return { blob: Buffer.from(blob, 'base64'), type }
  }

  test.each(keyTypes)(
    'of a key %s that a server offers alone is shown with key and authority',
    async (key, type, algorithm) => {
      const authority = key === 'ed25519' ? 'rsa' : 'ed25519'
      await issue(
        key,
        `${authority}-ca`,
        '-n',
        'host.lab.test,other.lab.test',
        '-z',
        '18446744073709551615',
        '-V',
        '20300102030405Z:20310102030405Z',
      )
      const only = `${algorithm}-cert-v01@openssh.com`
      await using sshd = await startSshd({
        extra: `HostKey ${path(key)}\nHostCertificate ${path(`${key}-cert.pub`)}\nHostKeyAlgorithms ${only}`,
      })
      const { reason, facts } = await probeSsh({ host: sshd.host, address: sshd.host, port: sshd.port }, {}, probeIo())
      const printed = await print(key)
      expect({ reason, ...facts }).toMatchObject({
        reason: 'ssh-ok',
        hostKey: { type, sha256: printed.hostKey, verified: true },
        hostCertificate: {
          kind: printed.kind,
          keyId: printed.keyId,
          serial: printed.serial,
          principals: printed.principals,
          validAfter: '2030-01-02T03:04:05.000Z',
          validBefore: '2031-01-02T03:04:05.000Z',
          authority: {
            type: authority === 'rsa' ? 'ssh-rsa' : 'ssh-ed25519',
            sha256: printed.authority,
            verified: true,
          },
        },
      })
      const { hostCertificate = '' } = await seeWithOpenSsh(sshd, [`HostKeyAlgorithms=${only}`])
      expect(hostCertificate).toContain(`${printed.hostKey}, serial ${printed.serial} ID "${printed.keyId}" CA`)
      expect(hostCertificate).toContain(printed.authority)
    },
  )

  test('is not requested where the server offers the key itself', async () => {
    await issue('ed25519', 'ed25519-ca')
    await using sshd = await startSshd({
      extra: `HostKey ${path('ed25519')}\nHostCertificate ${path('ed25519-cert.pub')}`,
    })
    const { facts } = await probeSsh({ host: sshd.host, address: sshd.host, port: sshd.port }, {}, probeIo())
    expect(facts.hostKey).toEqual({ type: 'ssh-ed25519', sha256: (await print('ed25519')).hostKey, verified: true })
    expect(facts).not.toHaveProperty('hostCertificate')
  })

  test.each(keyTypes)('that an authority %s signed shows whether it did, in each bit', async (name) => {
    await issue('ed25519', `${name}-ca`)
    const { blob } = await read('ed25519', 'ssh-ed25519')
    expect(readCertificate(blob, 'ssh-ed25519')?.certificate.authority.verified).toBe(true)
    fc.assert(
      fc.property(fc.nat(8 * blob.length - 1), (bit) => {
        const changed = Buffer.from(blob)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(readCertificate(changed, 'ssh-ed25519')?.certificate.authority.verified ?? false).toBe(false)
      }),
    )
  })

  test('without limits has no principals and no dates, and a user’s says so', async () => {
    await issue('ed25519', 'ed25519-ca')
    const { blob } = await read('ed25519', 'ssh-ed25519')
    const { certificate } = readCertificate(blob, 'ssh-ed25519') ?? {}
    expect(certificate).toMatchObject({ kind: 'host', serial: '0', principals: [] })
    expect(certificate).not.toHaveProperty('validAfter')
    expect(certificate).not.toHaveProperty('validBefore')
    await mustRun('ssh-keygen', ['-q', '-s', path('ed25519-ca'), '-I', 'a user', path('ed25519.pub')])
    const user = await read('ed25519', 'ssh-ed25519')
    expect(readCertificate(user.blob, 'ssh-ed25519')?.certificate.kind).toBe('user')
    expect(readCertificate(user.blob, 'ssh-rsa')).toBeUndefined()
    for (let cut = 0; cut < user.blob.length; cut += 1)
      expect(readCertificate(user.blob.subarray(0, cut), 'ssh-ed25519')).toBeUndefined()
  })
})
