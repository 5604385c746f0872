import { afterAll, beforeAll, expect, test } from 'vitest'
import { readAws, readNftables, readPowerShell } from '../support/firewall-grammars.ts'
import { runInProcess } from '../support/run-program.ts'
import { startService, type TestService } from '../support/service.ts'

let service: TestService
let url: string
beforeAll(async () => {
  service = await startService({ working: false })
  url = await service.listen()
  await service.call('PUT', '/v1/policies/web', {
    body: {
      ...{ name: 'web', title: 'Web' },
      rules: [
        {
          ...{ id: 'https', title: 'HTTPS', severity: 'high', direction: 'inbound', from: ['client'], probe: 'tcp' },
          ...{ port: 443, expect: {} },
        },
      ],
    },
  })
  await service.stores.targets.save([{ name: 'epp', address: 'epp.example' }])
})
afterAll(() => service?.stop())

const firewall = (...options: string[]) =>
  runInProcess(['policy', 'firewall', 'web', '--target', 'epp', '--server', url, ...options], {
    env: { PORTWARDEN_KEY: service.key },
  })
const origin = [
  '--zone',
  'client',
  '--source',
  '10.1.0.0/16',
  '--source',
  '10.2.0.0/16',
  '--resolve',
  'epp.example=10.20.0.11',
]

test('prints nftables, and other formats on request', async () => {
  const { code, stdout, stderr } = await firewall(...origin)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(readNftables(stdout)).toEqual([
    'ip saddr { 10.1.0.0/16, 10.2.0.0/16 } ip daddr { 10.20.0.11 } tcp dport { 443 } accept',
  ])
  const [windows, aws] = [
    await firewall(...origin, '--format', 'windows'),
    await firewall(...origin, '--format', 'aws'),
  ]
  expect(readPowerShell(windows.stdout)).toMatchObject([
    { LocalPort: ['443'], RemoteAddress: ['10.1.0.0/16', '10.2.0.0/16'] },
  ])
  expect(readAws(aws.stdout).IpPermissions).toMatchObject([{ FromPort: 443 }])
})

test.each([
  [['--vantage', 'mars'], /\/vantage: there is no vantage mars/],
  [[], /\/zone: name either a vantage or a zone/],
  [['--zone', 'client', '--vantage', 'mars'], /cannot be used with option/],
  [['--zone', 'client', '--format', 'pf'], /Allowed choices are nftables, windows, cisco, aws, json/],
])('with %j exits with 64 and says what is wrong', async (options, message) => {
  const { code, stdout, stderr } = await firewall(...options)
  expect([code, stdout]).toEqual([64, ''])
  expect(stderr).toMatch(message)
})
