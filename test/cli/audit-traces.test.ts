import { expect, test } from 'vitest'
import { portwarden } from '../support/commands.ts'
import { createTestDatabase } from '../support/database.ts'
import { bridgeInto } from '../support/namespace-bridge.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { addresses, listenAt, startRoutedNetwork } from '../support/peers/routed-netns.ts'
import { makeTempDir } from '../support/temp-dir.ts'

const command = portwarden('audit')
const { target, far } = addresses.IPv4
const [client, ssh] = [4_000, 4_001]

describeWithPeers(['netns'], 'npm run audit', () => {
  test('shows where a newly blocked port is blocked', async () => {
    await using network = await startRoutedNetwork()
    const database = await createTestDatabase()
    const url = new URL(database.url)
    const bridge = await bridgeInto(
      { namespace: network.namespaces.client, address: '127.0.0.1' },
      { host: url.hostname, port: Number(url.port) },
    )
    url.host = `${bridge.host}:${bridge.port}`
    const dataDir = await makeTempDir('audit-traces')
    await listenAt(network, client)
    await listenAt(network, ssh)
    const argv = [...command, target, '--param', `clientPort=${client}`, '--param', `sshPort=${ssh}`]
    const env = {
      PATH: process.env.PATH,
      DATABASE_URL: url.href,
      PORTWARDEN_DATA_DIR: dataDir.path,
      PORTWARDEN_ALLOW: '10.0.0.0/8',
    }
    const audit = async (...more: string[]) =>
      (await network.exec('client', [process.execPath, ...argv, ...more], { env })).stdout
    try {
      const { findings } = JSON.parse(await audit('--json'))
      for (const { trace } of findings) expect(trace).toBeUndefined()
      await network.nft('far', `add rule inet peer forward tcp dport ${ssh} reject with icmpx type admin-prohibited`)
      const [, paths = ''] = (await audit()).split('Paths to newly blocked ports:\n')
      expect(paths.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
        ['TARGET', 'PORT', 'VANTAGE', 'PATH'],
        [
          ...[target, String(ssh), 'local'],
          `Rejected by ${far} (ICMP administratively prohibited); SYNs reach ${far}, hop 2 of 3. Port ${client} is open at hop 3.`,
        ],
        [''],
      ])
    } finally {
      await bridge.stop()
      await database.drop()
      await dataDir.remove()
    }
  })
})
