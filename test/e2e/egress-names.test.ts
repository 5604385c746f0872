import { mkdir, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { metadataNetworks } from '../../src/probes/network/egress-policy.ts'
import { databaseEndpoints } from '../../src/store/db/database.ts'
import { auditCommand, environment } from '../support/commands.ts'
import { type EntryPoint, entryPoints } from '../support/entry-points.ts'
import type { DnsRecords } from '../support/name-server.ts'
import { bridgeInto } from '../support/namespace-bridge.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { type Network, startNetwork } from '../support/peers/netns.ts'
import type { Peer } from '../support/peers/peer.ts'
import { mustRun, type PeerProcess, spawnPeer } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

const root = resolve(import.meta.dirname, '../..')
/** Allowed. */
const open = '10.1.1.1'
/** Allowed too. */
const beside = '10.1.1.3'
/** Allowed too; its connect marks the end of a test step. */
const last = '10.1.1.2'
const metadata = '169.254.169.254'
/** The metadata service embedded in IPv6 addresses. */
const carriers = [
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::a9fe:a9fe',
  '2002:a9fe:a9fe::1',
  '2001:0:a9fe:a9fe::1',
  `::${metadata}`,
  '::ffff:0:a9fe:a9fe',
  'fd00::5efe:a9fe:a9fe',
]
const metadatas = [
  metadata,
  ...metadataNetworks.map((network) => network.replace(/::\/32$/, '::254').replace(/\/.*/, '')),
]
/** Local addresses in the namespace, so a connect to them would succeed. */
const reachable = [...metadatas, '169.254.1.1', ...carriers]
const unspecified = ['0.0.0.0', '::', '0:0:0:0:0:0:0:0', '::ffff:0.0.0.0', '0.1.2.3']
const never = [
  ...reachable,
  ...unspecified,
  '224.0.0.1',
  '239.255.255.255',
  'ff02::1',
  'ff0e::1',
  '255.255.255.255',
  'fe80::1',
  'febf::1',
  `::ffff:${metadata}`,
  '::ffff:a9fe:a9fe',
  `64:ff9b::${metadata}`,
  `::${metadata}`,
  'FD00:0EC2::0254',
]

const isForbidden = (address: string) => ![open, beside, last].includes(address)

const one = (...addresses: string[]): DnsRecords[] => [{ addresses }]
const rebound = [{ addresses: [open] }, { addresses: [metadata] }]
const zone: Record<string, DnsRecords[]> = {
  'last.test': [{ alias: 'at-last.test', addresses: [last] }],
  'beside.test': one(beside),
  'self.test': one('127.0.0.1'),
  'database.test': one('192.0.2.2'),
  ...Object.fromEntries(['', '-probe', '-hook'].map((what) => [`rebound${what}.test`, rebound])),
  'one-of-two.test': one(open, metadata),
  'alias.test': [{ alias: 'metadata.test', addresses: [metadata] }],
  'mapped.test': one(`::ffff:${metadata}`),
  'zero.test': one('0.0.0.0'),
  'zero-v6.test': one('::'),
  'link-local.test': one('169.254.1.1'),
  ...Object.fromEntries([...metadatas, ...carriers].map((address, i) => [`never-${i}.test`, one(address)])),
}
const closed = Object.keys(zone).filter((name) => /^(alias|mapped|zero|link-local|never)/.test(name))

const settings = {
  PORTWARDEN_ALLOW: '0.0.0.0/0,::/0',
  PORTWARDEN_WEBHOOK_ALLOW: '0.0.0.0/0,::/0',
  PORTWARDEN_WEBHOOK_PLAIN_HTTP: 'true',
  PORTWARDEN_WEBHOOK_RETRY_SECONDS: '3600',
  PORTWARDEN_PROBE_TIMEOUT_MS: '2000',
  PORTWARDEN_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
}

/** A private network whose sentinel records every connect and resolves every name. */
describeWithPeers(['netns'], 'with every address allowed', () => {
  let network: Network
  let etc: string
  let bridge: Peer & { host: string; port: number }
  let service: TestService
  let sentinel: PeerProcess
  let worker: PeerProcess
  let directory: TempDir
  let workerEnv: NodeJS.ProcessEnv
  let port: number
  let points: Record<string, EntryPoint>

  beforeAll(async () => {
    ;[network, service] = await Promise.all([startNetwork(), startService({ working: false, env: settings })])
    etc = `/etc/netns/${network.namespaces.client}` // `ip netns exec` mounts these files over /etc
    await mkdir(etc, { recursive: true })
    await writeFile(`${etc}/resolv.conf`, 'nameserver 127.0.0.53\noptions timeout:10 attempts:2\n')
    const [namespace, commands] = [
      network.namespaces.client,
      [open, beside, last, ...reachable].map((ip) => `addr add ${ip} dev lo`),
    ]
    await mustRun('ip', ['-n', namespace, '-batch', '-'], { input: `${commands.join('\n')}\n` })
    directory = await makeTempDir('worker')
    const inside = ['netns', 'exec', namespace, process.execPath]
    sentinel = await spawnPeer('ip', [...inside, `${root}/test/support/sentinel.ts`, JSON.stringify(zone)], {
      ready: /listens \d+/,
    })
    port = Number(/listens (\d+)/.exec(sentinel.log())?.[1])
    const [endpoint] = databaseEndpoints(service.url)
    if (!endpoint) throw new Error('the test database has no TCP listener')
    bridge = await bridgeInto(network, endpoint)
    const database = Object.assign(new URL(service.url), { host: `${bridge.host}:${bridge.port}` }).href
    workerEnv = environment(database, {
      ...settings,
      PORT: '0',
      PORTWARDEN_GRACE_MS: '0',
      PORTWARDEN_DATA_DIR: directory.path,
    })
    worker = await spawnPeer('ip', [...inside, `${root}/src/main.ts`, 'serve'], {
      env: workerEnv,
      ready: /^Portwarden .* at http.*\n/m,
    })
    points = await entryPoints(service, { port, allowed: last })
  })
  afterAll(async () => {
    await Promise.all([worker?.end(), sentinel?.end()])
    await bridge?.stop()
    await directory?.remove()
    if (etc) await rm(etc, { recursive: true, force: true })
    await Promise.all([network?.stop(), service?.stop()])
  })

  const logged = (word: string) => sentinel.log().match(RegExp(`(?<=^${word} ).*`, 'gm')) ?? []
  /** The number of address queries for a name. */
  const queries = (name: string) => logged('query').filter((line) => line === `${name} A`).length
  /** The connects since the previous call; the one to `last` must be the final one. */
  let consumed = 0
  async function arrivals(): Promise<string[]> {
    const fresh = () => logged('connect').slice(consumed)
    await expect.poll(fresh).toContain(last)
    const all = fresh()
    consumed += all.length
    expect(all.lastIndexOf(last), all.join()).toBe(all.indexOf(last))
    expect(all.at(-1), all.join()).toBe(last)
    return all.slice(0, all.indexOf(last))
  }
  /** Runs a program in the network, with a JSON argument. */
  const runInside = async (text: string, argument: object) => {
    const argv = [process.execPath, '--input-type=module', '-e', text, JSON.stringify(argument)]
    const { code, stdout, stderr } = await network.exec('client', argv)
    expect([code, stderr]).toEqual([0, ''])
    return stdout
  }

  test('a connect to any of these addresses would arrive', async () => {
    const dial = `
      import { connect } from 'node:net'
      import { once } from 'node:events'
      const { hosts, port } = JSON.parse(process.argv[1])
      for (const host of hosts) await once(connect({ host, port }).resume(), 'close')`
    await runInside(dial, { hosts: [...reachable, '0.0.0.0', '::', open, last], port })
    expect(await arrivals()).toEqual([...reachable, '127.0.0.1', '::1', open])
  })

  // An import of Nmap XML takes addresses alone.
  const offered = [...never, ...closed, 'rebound.test', 'one-of-two.test', 'beside.test', beside]
  const report = (what: string, accepted: number, came: readonly string[]) =>
    process.stdout.write(
      `${what}: ${offered.length} addresses and names tried, ${accepted} accepted as a host, ${came.filter(isForbidden).length} forbidden connects\n`,
    )

  test('no entry point leads to an address that is never dialled, directly or by a name', async () => {
    const { '/probe?target=': probe, ...others } = points
    expect(probe).toBeDefined() // probes from the API process, which is outside this network
    for (const [name, { offer }] of Object.entries(others)) {
      const before = logged('connect').length
      const accepted = await offer(offered)
      const fresh = () => logged('connect').slice(before)
      await expect.poll(fresh).toContain(beside)
      report(name, accepted, fresh())
      expect(fresh().filter(isForbidden)).toEqual([])
    }
    expect(await others['the address of a target in an audit request']?.offer(['last.test'])).toBe(1)
    expect((await arrivals()).filter(isForbidden)).toEqual([]) // including late ones
    for (const name of [...closed, 'beside.test', 'rebound.test', 'one-of-two.test'])
      expect(queries(name)).toBeGreaterThan(0)
  })

  test('/probe and npm run audit do not lead there either', async () => {
    const [, url] = / at (http:[\d./:]+) {2}/.exec(worker.log()) ?? []
    const probeAll = `
      const { hosts, port, url, key } = JSON.parse(process.argv[1])
      const statuses = []
      for (const host of hosts) {
        const target = encodeURIComponent((host.includes(':') ? '[' + host + ']' : host) + ':' + port)
        const response = await fetch(url + '/probe?target=' + target, { headers: { authorization: 'Bearer ' + key } })
        statuses.push(response.status)
      }
      console.log(JSON.stringify(statuses))`
    const hosts = [...never, ...closed, 'last.test']
    const statuses = JSON.parse(await runInside(probeAll, { hosts, port, url, key: service.key })) as number[]
    expect(statuses.slice(0, -1)).toEqual(hosts.slice(0, -1).map(() => 422))
    expect(statuses.at(-1)).toBe(200)
    expect(await arrivals()).toEqual([])
    const own = JSON.parse(
      await runInside(probeAll, {
        port: new URL(String(url)).port,
        url,
        key: service.key,
        hosts: ['127.0.0.1', 'self.test'],
      }),
    )
    expect(own).toEqual([422, 422])

    const [node, ...command] = auditCommand
    for (const some of [offered, ['last.test']]) {
      const { code, stdout } = await network.exec('client', [node, ...command, ...some, '--policy', 'by-address'], {
        env: workerEnv,
      })
      expect([code, stdout]).toEqual([some.length > 1 ? 2 : 0, expect.stringContaining('verdict:')])
    }
    expect((await arrivals()).filter(isForbidden)).toEqual([])
  })

  test('a probe dials the checked address, even if the name resolves differently later', async () => {
    const [rule] = (await service.call('GET', '/v1/policies/by-address')).body.document.rules
    const expectation = { tls: { refuses: ['TLSv1', 'TLSv1.1'] } }
    const body = {
      name: 'pinned',
      title: 'Several connects',
      rules: [{ ...rule, probe: 'https', expect: expectation }],
    }
    await service.call('PUT', '/v1/policies/pinned', { body })
    const seen: string[] = []
    const addresses = ['rebound-probe.test', 'rebound-probe.test', 'rebound-probe.test', 'last.test']
    for (const address of addresses) {
      const policy = address === 'last.test' ? 'by-address' : 'pinned'
      const auditId = await service.accept({ policy, targets: [{ name: address, address }] })
      await service.ended(auditId)
      const [finding] = await service.findings(auditId)
      seen.push(...Object.entries(finding?.evidence?.addresses ?? {}).map(([at, { reason }]) => `${at} ${reason}`))
    }
    expect(seen).toEqual([
      `${open} connection-closed`,
      `${metadata} egress-denied`,
      `${open} connection-closed`,
      `${last} tcp-connected`,
    ])
    const came = await arrivals()
    expect(came).toEqual(Array(6).fill(open)) // three TLS versions in each of two audits
    expect(queries('rebound-probe.test')).toBe(3) // once per audit
  })

  test('a name with an allowed and a forbidden address is judged on the allowed one, and the finding names the other', async () => {
    const seen: string[] = []
    for (const address of ['one-of-two.test', 'never-0.test', 'last.test']) {
      const auditId = await service.accept({ policy: 'by-address', targets: [{ name: address, address }] })
      await service.ended(auditId)
      const [{ result, reason } = { result: 'none', reason: { code: '', message: '' } }] =
        await service.findings(auditId)
      seen.push([result, reason.code, /Not probed: (.*)/.exec(reason.message)?.[1]].join(' '))
    }
    expect(seen).toEqual([
      `pass addresses-left-out ${metadata} (egress-denied).`,
      'error egress-denied ',
      'pass as-expected ',
    ])
    expect(await arrivals()).toEqual([open])
  })

  test('a webhook is delivered to the checked address, and not at all if its name also has a forbidden one', async () => {
    const errors: Record<string, string[]> = {}
    for (const host of ['rebound-hook.test', 'one-of-two.test', 'last.test']) {
      const url = `http://${host}:${port}/`
      const { id } = (await service.call('POST', '/v1/webhooks', { body: { url, events: ['vantage.absent'] } })).body
      for (let pings = 1; pings <= (host === 'rebound-hook.test' ? 3 : 1); pings += 1) {
        await service.call('POST', `/v1/webhooks/${id}/ping`)
        const tried = async () =>
          (await service.call('GET', `/v1/webhooks/${id}/deliveries`)).body.items.flatMap(
            (item: { lastAttempt?: { error: string } }) => item.lastAttempt?.error ?? [],
          )
        await expect.poll(tried).toHaveLength(pings)
        errors[host] = (await tried()).toReversed()
      }
    }
    expect(errors['one-of-two.test']).toEqual(['egress-denied'])
    expect(errors['rebound-hook.test']?.map((error) => error === 'egress-denied')).toEqual([false, true, false])
    expect(await arrivals()).toEqual([open, open])
    expect(queries('rebound-hook.test')).toBe(3)
  })

  test("the service's own listener and database are not dialled, by any name", async () => {
    const listener = Number(/at http:\/\/127\.0\.0\.1:(\d+)/.exec(worker.log())?.[1])
    const targets = ['127.0.0.1', 'self.test', bridge.host, 'database.test'].map((address) => ({
      name: address,
      address,
    }))
    const auditId = await service.accept({ targets, params: { openPort: listener, closedPort: bridge.port } })
    await service.ended(auditId)
    const seen = (await service.findings(auditId)).map(
      ({ target, rule, state, reason }) => `${target} ${rule} ${state} ${reason.code}`,
    )
    expect(seen.filter((one) => one.includes('must-be')).sort()).toEqual([
      '127.0.0.1 must-be-open unknown egress-denied',
      '127.0.0.1 must-be-unreachable closed as-expected',
      `${bridge.host} must-be-open closed connection-refused`,
      `${bridge.host} must-be-unreachable unknown egress-denied`,
      'database.test must-be-open closed connection-refused',
      'database.test must-be-unreachable unknown egress-denied',
      'self.test must-be-open unknown egress-denied',
      'self.test must-be-unreachable closed as-expected',
    ])
  })
})
