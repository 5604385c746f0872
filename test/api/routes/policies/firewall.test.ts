import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService, type TestService } from '../../../support/service.ts'

const rule = (id: string, more: object) => ({
  ...{ id, title: `Title of ${id}`, severity: 'high', direction: 'inbound', from: ['client'], probe: 'tcp', port: 443 },
  expect: {},
  ...more,
})
const document = {
  name: 'web',
  title: 'Web',
  parameters: { dc: { type: 'host' }, sshPort: { type: 'port', required: true } },
  rules: [
    rule('https', {}),
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: placeholders of the policy
    rule('ssh', { port: '${sshPort}', expect: { state: ['closed', 'filtered'] }, insideWindow: { expect: {} } }),
    rule('ldap', { direction: 'outbound', from: ['server'], when: '${dc}', host: '${dc}', probe: 'ldap', port: 389 }),
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: placeholders of the policy
  ],
}

let service: TestService
let blue: string
beforeAll(async () => {
  service = await startService({ working: false })
  await service.call('PUT', '/v1/policies/web', { body: document })
  await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['client', 'guest'] } })
  const params = { sshPort: 2222, dc: 'DC1.corp.example' }
  await service.stores.targets.save([
    { name: 'epp', address: '10.20.0.11', params, labels: { team: 'blue' }, externalId: 'CI1' },
    { name: 'named', address: 'epp.corp.example', params },
    { name: 'bare', address: '10.20.0.12' },
  ])
  const limited = { name: 'blue', scopes: ['reports:read'], targets: { labels: { team: 'blue' } } }
  blue = (await service.call('POST', '/v1/keys', { body: limited })).body.key
})
afterAll(() => service?.stop())

const get = (query: string, options = {}) => service.call('GET', `/v1/policies/web/firewall?${query}`, options)

describe('GET /v1/policies/{name}/firewall', () => {
  test('returns the changes for a target, seen from a vantage, with the parameters of the target', async () => {
    const { status, body } = await get(
      'target=epp&vantage=branch&source=10.1.2.3/16&source=10.1.9.0/24&source=10.1.2.3/16',
    )
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        policy: { name: 'web', version: 1 },
        target: { name: 'epp', addresses: ['10.20.0.11'] },
        origin: { vantage: 'branch', zones: ['client', 'guest'], networks: ['10.1.0.0/16'] },
        changes: [
          { rules: [{ id: 'https' }], action: 'allow', ports: [{ from: 443, to: 443 }], sources: ['10.1.0.0/16'] },
          { rules: [{ id: 'ssh' }], action: 'drop', ports: [{ from: 2222, to: 2222 }] },
        ],
        left: [{ rule: { id: 'ssh' }, reason: 'window' }],
      },
    })
  })

  test('takes the addresses of names from the request, in any spelling of the name', async () => {
    expect((await get('target=externalId%3DCI1&zone=server')).body).toMatchObject({
      changes: [],
      left: [{ rule: { id: 'ldap' }, reason: 'address-unknown' }],
    })
    const resolved = await get(
      'target=named&zone=server&resolve=dc1.corp.example=10.20.0.5&resolve=EPP.corp.example=10.20.0.11',
    )
    expect(resolved.body.changes).toMatchObject([{ sources: ['10.20.0.11'], destinations: ['10.20.0.5'] }])
  })

  test.each([
    ['format=nftables', {}, 'text/x-nftables; charset=utf-8', 'web.nft', /tcp dport \{ 443 \} accept/],
    ['', { accept: 'text/x-powershell' }, 'text/x-powershell; charset=utf-8', 'web.ps1', /^New-NetFirewallRule/m],
    ['format=cisco', {}, 'text/x-cisco-ios; charset=utf-8', 'web.ios.txt', /^ permit tcp/m],
    ['format=aws', {}, 'application/vnd.aws.ip-permissions+json; charset=utf-8', 'web.aws.json', /"IpPermissions"/],
  ])('with %s %j returns %s as %s', async (format, headers, type, file, text) => {
    const response = await get(`target=epp&zone=client&source=10.1.0.0/16&${format}`, { headers })
    expect(response.status).toBe(200)
    expect(response.headers).toMatchObject({
      'content-type': type,
      'content-disposition': `attachment; filename="${file}"`,
    })
    expect(typeof response.body === 'string' ? response.body : JSON.stringify(response.body)).toMatch(text)
  })

  test.each([
    ['target=none&zone=client', '/target', 'there is no target none'],
    ['target=bare&zone=client', '/target', 'sshPort'],
    ['target=epp', '/zone', 'name either a vantage or a zone'],
    ['target=epp&zone=client&vantage=branch', '/vantage', 'name either a vantage or a zone'],
    ['target=epp&vantage=mars', '/vantage', 'there is no vantage mars'],
    ['target=epp&zone=client&source=10.1.0.0/16&source=10.1', '/source/1', 'must be a network'],
    ['target=epp&zone=client&resolve=dc1', '/resolve/0', 'must be NAME=ADDRESS'],
    ['target=epp&zone=client&resolve=dc1=127.1', '/resolve/0', 'must be NAME=ADDRESS'],
  ])('with %s names what is wrong', async (query, pointer, detail) => {
    const { status, body } = await get(query)
    expect({ status, ...body.errors[0] }).toMatchObject({ status: 422, pointer })
    expect(body.errors[0].detail).toContain(detail)
  })

  test('gives 404 for a policy that does not exist, and 406 for another media type', async () => {
    expect((await service.call('GET', '/v1/policies/none/firewall?target=epp&zone=client')).status).toBe(404)
    expect((await get('target=epp&zone=client', { headers: { accept: 'image/png' } })).status).toBe(406)
  })

  test('hides the targets of others from a limited key', async () => {
    expect((await get('target=epp&zone=client', { key: blue })).status).toBe(200)
    const { status, body } = await get('target=named&zone=client', { key: blue })
    expect({ status, detail: body.detail }).toMatchObject({
      status: 422,
      detail: expect.stringContaining('there is no target named'),
    })
  })
})
