import { expect, test } from 'vitest'
import { run } from '../processes.ts'
import { describeWithPeers } from './available.ts'
import { startDropbear } from './dropbear.ts'

describeWithPeers(['dropbear', 'openssh'], 'startDropbear', () => {
  test('serves the host keys that it names, and ends', async () => {
    const dropbear = await startDropbear({ keyTypes: ['ed25519'] })
    const { stdout } = await run('ssh-keyscan', ['-p', String(dropbear.port), dropbear.host])
    const { stdout: printed } = await run('ssh-keygen', ['-l', '-f', '-'], { input: stdout })
    expect(printed).toContain(dropbear.fingerprints.ed25519)
    await dropbear.stop()
    expect((await run('ssh-keyscan', ['-p', String(dropbear.port), dropbear.host])).stdout).toBe('')
  })
})
