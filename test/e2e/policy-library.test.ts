import { createServer } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Finding } from '../../src/domain/findings/finding.ts'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { findBuiltIn } from '../../src/policies/built-in.ts'
import { listenSilently } from '../support/app.ts'
import { listen } from '../support/listen.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { startHostile } from '../support/peers/hostile.ts'
import { type Sshd, startSshd } from '../support/peers/openssh.ts'
import { startSambaAd } from '../support/peers/samba-ad.ts'
import { startSlapd } from '../support/peers/slapd.ts'
import { startSmbd } from '../support/peers/smbd.ts'
import { startSshServer } from '../support/peers/ssh-server.ts'
import { startTls, type TlsPeer } from '../support/peers/tls.ts'
import { startXrdp } from '../support/peers/xrdp.ts'
import { freePort } from '../support/ports.ts'
import { startService, type TestService } from '../support/service.ts'

function documentOf(policy: string): PolicyDocument {
  const found = findBuiltIn(policy)
  if (!found) throw new Error(`there is no built-in policy ${policy}`)
  return found.document
}

const zones = 'client,server,admin,untrusted,application,cluster,control-plane'
const legacy = [
  'KexAlgorithms +diffie-hellman-group14-sha1',
  'Ciphers +aes128-cbc',
  'MACs +hmac-md5',
  'HostKeyAlgorithms +ssh-rsa',
]
const strict = 'MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com'

describeWithPeers(['openssh', 'openssl', 'samba-ad', 'slapd', 'smbd', 'xrdp'], 'the library of policies', () => {
  const stack = new AsyncDisposableStack()
  const start = async <T>(peer: Promise<T>, stop: (one: T) => Promise<unknown>): Promise<T> => {
    const one = await peer
    stack.defer(async () => void (await stop(one)))
    return one
  }
  const peer = <T extends { stop(): Promise<unknown> }>(starting: Promise<T>) => start(starting, (one) => one.stop())
  let service: TestService
  let closed: number
  let open: number
  beforeAll(async () => {
    service = await peer(startService({ env: { PORTWARDEN_ZONES: zones, PORTWARDEN_VANTAGE: 'everywhere' } }))
    open = (await start(listenSilently(), (one) => one.close())).port
    closed = await freePort()
  })
  afterAll(() => stack.disposeAsync())

  type Params = Record<string, string | number | boolean>
  let audits = 0
  /** The results of an audit of one target, by rule; ports that are not given are closed. */
  async function audit(policy: string, params: Params, address = '127.0.0.1'): Promise<Map<string, string>> {
    const target = { name: `t-${++audits}`, address, params: { ...portsOf(policy, closed), ...params } }
    const auditId = await service.accept({ policy, targets: [target] })
    await service.ended(auditId)
    return new Map((await service.findings(auditId)).map(({ rule, result }: Finding) => [rule, result]))
  }
  /** All ports of a policy at one. */
  const portsOf = (policy: string, port: number): Params => {
    const { parameters = {} } = documentOf(policy)
    return Object.fromEntries(
      Object.entries(parameters).flatMap(([name, { type }]) => (type === 'port' ? [[name, port]] : [])),
    )
  }
  /** Of the findings of all audits: the rules that pass once and fail once. */
  const rulesOf = (policy: string) => documentOf(policy).rules.map(({ id }) => id)
  const having = (results: readonly Map<string, string>[], wanted: string) =>
    new Set(results.flatMap((one) => [...one].flatMap(([rule, result]) => (result === wanted ? rule : []))))
  function expectBoth(policy: string, results: readonly Map<string, string>[]) {
    for (const wanted of ['pass', 'fail'])
      expect({ wanted, rules: [...having(results, wanted)].sort() }).toEqual({ wanted, rules: rulesOf(policy).sort() })
  }

  test('management-ports-not-exposed passes where all ports are closed, and fails where they are open', async () => {
    const policy = 'management-ports-not-exposed'
    expectBoth(policy, await Promise.all([audit(policy, {}), audit(policy, portsOf(policy, open))]))
  })

  test('tls-baseline passes for current TLS, and fails for TLS 1.1 with an unknown authority', async () => {
    const [good, old] = await Promise.all([peer(startTls('good')), peer(startTls('tls1.1'))])
    const compliant = await audit('tls-baseline', { tlsPort: good.port, trustedCa: good.ca })
    expectBoth('tls-baseline', [compliant, await audit('tls-baseline', { tlsPort: old.port })])
    expect(having([compliant], 'fail')).toEqual(new Set())
  })

  test('ssh-baseline passes for sshd without HMAC-SHA-1, and fails for retired algorithms and for version 1.99', async () => {
    const sshd = (extra: string): Promise<Sshd> => peer(startSshd({ extra }))
    const [good, bad] = await Promise.all([sshd(strict), sshd(legacy.join('\n'))])
    const first = await peer(startSshServer({ greeting: 'SSH-1.99-Old\r\n' }))
    const results = await Promise.all([good, bad, first].map(({ port }) => audit('ssh-baseline', { sshPort: port })))
    expectBoth('ssh-baseline', results)
    expect(having(results.slice(0, 1), 'fail')).toEqual(new Set())
  })

  test('kubernetes-node passes for TLS on its ports and nothing elsewhere, and fails the other way round', async () => {
    const policy = 'kubernetes-node'
    const serving = async (): Promise<TlsPeer> => peer(startTls('good'))
    const [api, kubelet, etcd] = await Promise.all([serving(), serving(), serving()])
    const ports = { apiPort: api.port, kubeletPort: kubelet.port, etcdClientPort: etcd.port }
    const role = 'control-plane'
    expectBoth(policy, [
      await audit(policy, { role, ...ports }),
      await audit(policy, { role }),
      await audit(policy, { ...portsOf(policy, open), role: 'worker' }),
    ])
    expect([...having([await audit(policy, {})], 'notapplicable')].sort()).toEqual(['api-server-tls', 'etcd-tls'])
  })

  test('postgresql-server passes for applications alone', async () => {
    const policy = 'postgresql-server'
    expectBoth(policy, [await audit(policy, { postgresPort: open }), await audit(policy, {})])
  })

  test('pci-dss-insecure-services passes where nothing insecure is reachable, and fails for each service that does', async () => {
    const policy = 'pci-dss-insecure-services'
    const [tls, slapd, smbd, xrdp] = await Promise.all([
      peer(startTls('tls1.1')),
      peer(startSlapd()),
      peer(startSmbd({ minProtocol: 'NT1' })),
      peer(startXrdp({ securityLayer: 'rdp' })),
    ])
    const web = await start(listen(createServer((_, response) => response.end('login'))), (one) => one.close())
    const mail = await peer(
      startHostile([{ send: '220 mail ESMTP\r\n' }, { reply: () => '250-mail\r\n250 HELP\r\n' }, 'hang']),
    )
    const compliant = await audit(policy, {})
    expect(having([compliant], 'pass')).toEqual(new Set(rulesOf(policy)))
    expectBoth(policy, [
      compliant,
      await audit(policy, {
        ...{ ...portsOf(policy, open), tlsPort: tls.port, smtpPort: mail.port },
        ...{ ldapPort: slapd.port, smbPort: closed, rdpPort: xrdp.port },
      }),
      await audit(policy, { tlsPort: web.port }),
      await audit(policy, { smbPort: smbd.port }, smbd.host),
    ])
  })

  test('the policies of Active Directory pass for a domain controller, and fail for a host that is none', async () => {
    const samba = await peer(startSambaAd({ services: ['kdc', 'dns', 's3fs'] }))
    const weak = await peer(startSambaAd({ strongAuth: 'no' }))
    const rpc = await start(listenAt(samba.host), (one) => one.close())
    const unsigned = await peer(startSmbd({ minProtocol: 'NT1', signing: 'disabled' }))
    const domain = samba.hostName.slice(samba.hostName.indexOf('.') + 1)
    const ports = { dnsPort: 53, kerberosPort: 88, ldapPort: 389, smbPort: 445, kpasswdPort: 464, ldapsPort: 636 }
    const flows = {
      ...ports,
      globalCatalogPort: 3268,
      globalCatalogTlsPort: 3269,
      rpcPort: rpc.port,
      ldaps: true,
      trustedCa: samba.ca,
      domain,
    }
    const client = 'active-directory-client'
    const compliant = await audit(client, { ...flows, domainController: samba.host })
    expectBoth(client, [compliant, await audit(client, { ldaps: true, domain, domainController: '127.0.0.1' })])
    expect(having([compliant], 'pass')).toEqual(new Set(rulesOf(client)))
    expect(having([await audit(client, {})], 'notapplicable')).toEqual(new Set(rulesOf(client)))
    const server = 'active-directory-domain-controller'
    expectBoth(server, [
      await audit(server, flows, samba.host),
      await audit(server, { ldaps: true, domain }),
      await audit(server, { ldapPort: 389 }, weak.host),
      await audit(server, { smbPort: 445 }, unsigned.host),
    ])
  })

  const listenAt = (host: string) => listen(createServer(), host)
})
