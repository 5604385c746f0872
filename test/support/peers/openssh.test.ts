import { once } from 'node:events'
import net from 'node:net'
import { expect, test } from 'vitest'
import { mustRun, run } from '../processes.ts'
import { describeWithPeers } from './available.ts'
import { startSshd } from './openssh.ts'

describeWithPeers(['openssh'], 'OpenSSH sshd', () => {
  test('shows ssh-keyscan the host keys whose fingerprints it names', async () => {
    await using sshd = await startSshd({ extra: 'VersionAddendum peer' })
    const scanned = await mustRun('ssh-keyscan', ['-p', String(sshd.port), sshd.host])
    const fingerprints = await mustRun('ssh-keygen', ['-l', '-f', '-'], { input: scanned })
    for (const type of ['ed25519', 'ecdsa', 'rsa'] as const) expect(fingerprints).toContain(sshd.fingerprints[type])
    await sshd.logged(/preauth/)
  })

  test('ends with its connections', async () => {
    await using sshd = await startSshd()
    const held = net.connect(sshd.port, sshd.host)
    await once(held, 'data')
    const closed = once(held, 'close')
    held.on('error', () => {})
    await sshd.stop()
    await closed
    expect((await run('ssh-keyscan', ['-p', String(sshd.port), sshd.host])).stdout).toBe('')
  })
})
