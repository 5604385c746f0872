import { expect, test } from 'vitest'
import { probeSsh } from '../../../src/probes/ssh/probe.ts'
import { seeWithOpenSsh } from '../../support/openssh-client.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startDropbear } from '../../support/peers/dropbear.ts'
import { probeIo } from '../../support/probe-io.ts'
import { run } from '../../support/processes.ts'

const runProbe = ({ host, port }: { host: string; port: number }) =>
  probeSsh({ host, address: host, port }, {}, probeIo())

describeWithPeers(['dropbear', 'openssh', 'nmap'], 'probeSsh with a real dropbear', () => {
  test.each([
    ['ed25519', 'ssh-ed25519'],
    ['ecdsa', 'ecdsa-sha2-nistp256'],
    ['rsa', 'ssh-rsa'],
  ] as const)('verifies a host key of type %s, and prints it like dropbearkey', async (keyType, type) => {
    await using dropbear = await startDropbear({ keyTypes: [keyType] })
    const { reason, facts } = await runProbe(dropbear)
    expect({ reason, hostKey: facts.hostKey }).toEqual({
      reason: 'ssh-ok',
      hostKey: { type, sha256: dropbear.fingerprints[keyType], verified: true },
    })
  })

  test('shows the lists that OpenSSH and nmap see', async () => {
    await using dropbear = await startDropbear()
    const { facts } = await runProbe(dropbear)
    const client = await seeWithOpenSsh(dropbear)
    expect(facts).toMatchObject({ identification: `SSH-2.0-${client.software}`, algorithms: client.algorithms })
    const { stdout } = await run('nmap', [
      '-Pn',
      '-p',
      String(dropbear.port),
      '--script',
      '+ssh2-enum-algos',
      dropbear.host,
    ])
    const names = [...stdout.matchAll(/^\|[ _] {5,}(\S+)$/gm)].map(([, name]) => name)
    const { kex, hostKey, cipherClientToServer, macClientToServer, compressionClientToServer } = client.algorithms
    expect(names).toEqual([
      ...kex,
      ...hostKey,
      ...cipherClientToServer,
      ...macClientToServer,
      ...compressionClientToServer,
    ])
  })
})
