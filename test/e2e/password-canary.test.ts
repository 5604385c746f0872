import { writeFile } from 'node:fs/promises'
import net from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Finding } from '../../src/domain/findings/finding.ts'
import { startCapture } from '../support/capture.ts'
import { peerAuthority } from '../support/certificates.ts'
import { auditCommand, environment, startServiceProcess, unique } from '../support/commands.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { query } from '../support/database-server.ts'
import { dumpRows } from '../support/dump-rows.ts'
import { everyResponse } from '../support/every-response.ts'
import { ldapResult, ldapTags, rootDseResponse } from '../support/ldap-bytes.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { type HostilePeer, startHostile } from '../support/peers/hostile.ts'
import { startSambaAd } from '../support/peers/samba-ad.ts'
import { startSlapd } from '../support/peers/slapd.ts'
import { run } from '../support/processes.ts'
import { startRecordingProxy } from '../support/recording-proxy.ts'
import { findSecrets, formsOf } from '../support/secret-forms.ts'
import { makeTempDir } from '../support/temp-dir.ts'

const network = '127.0.0.0/8'
/** Not a secret: a text that is everywhere, so that what finds no secret is known to find what is there. */
const mark = unique('mark')
const sentInClear = { clear: unique('clear') }

interface Case {
  /** Where the directory is, and how to reach it. */
  params: Record<string, unknown>
  /** What becomes of the bind. */
  reason: string
}

describeWithPeers(['samba-ad', 'slapd', 'tcpdump'], 'the passwords of binds', () => {
  const started: (() => Promise<unknown>)[] = []
  const outputs: Record<'log' | 'command' | 'api' | 'database' | 'capture', Buffer> = {
    log: Buffer.alloc(0),
    command: Buffer.alloc(0),
    api: Buffer.alloc(0),
    database: Buffer.alloc(0),
    capture: Buffer.alloc(0),
  }
  const reasons: Record<string, string> = {}
  let vault: Vault
  let cases: Record<string, Case>
  let dropper: HostilePeer

  const keep = <Started extends { stop(): Promise<unknown> }>(one: Started): Started => {
    started.push(one.stop)
    return one
  }
  afterAll(async () => {
    for (const stop of started.reverse()) await stop()
  })

  beforeAll(async () => {
    const database = await createTestDatabase()
    started.push(database.drop)
    const files = await makeTempDir('credentials')
    started.push(files.remove)
    vault = createVault(files.path)
    const peers = await startPeers()
    cases = await makeCases(peers)
    const env = { ...vault.env(), PORTWARDEN_ZONES: 'server', PORTWARDEN_LOG_LEVEL: 'trace' }

    const { samba, ...local } = peers
    const ports = Object.values(local).map(({ port }) => `port ${port}`)
    const capture = keep(
      await startCapture(`host ${samba.host} or (host 127.0.0.1 and tcp and (${ports.join(' or ')}))`),
    )
    await Promise.all(Object.values(local).map((peer) => sendInClear(peer, Object.values(sentInClear))))
    await useService(database, env)
    await useCommand(database, env)
    outputs.database = await dumpRows(database.url)
    const last = unique('last')
    await sendInClear({ host: samba.host, port: samba.ports.ldap }, [...formsOf(mark).values(), last])
    outputs.capture = await capture.upTo(last)
  })

  async function startPeers() {
    const authority = await peerAuthority()
    const { cert, key } = await authority.issue({ commonName: 'dropper', subjectAltName: 'IP:127.0.0.1' })
    const samba = keep(await startSambaAd())
    const slapd = keep(await startSlapd({ users: { 'svc-audit': vault.add('of the directory') } }))
    const bare = keep(await startSlapd({ tls: false }))
    const isHandshake = (bytes: Buffer) => bytes[0] === 0x16
    const cut = keep(
      await startRecordingProxy(slapd, (bytes) => (isHandshake(bytes) ? { last: Buffer.alloc(0) } : bytes)),
    )
    dropper = keep(
      await startHostile([
        { reply: () => rootDseResponse(1) },
        { reply: () => ldapResult(2, ldapTags.extended, 0) },
        { upgrade: { cert, key } },
        { reply: () => rootDseResponse(3) },
        { receive: 30 },
        'reset',
      ]),
    )
    return { samba, slapd, bare, cut, dropper }
  }

  async function makeCases(peers: Awaited<ReturnType<typeof startPeers>>): Promise<Record<string, Case>> {
    const { ca: trustedCa, accounts, ...samba } = peers.samba
    const { principal, password } = accounts.good
    const [user] = peers.slapd.users
    if (!user) throw new Error('slapd has no user')
    const ad = { domainController: samba.host, trustedCa }
    const at = ({ host, port }: { host: string; port: number }) => ({
      domainController: host,
      ldapPort: port,
      directory: 'any',
      trustedCa,
    })
    // An account of its own for each case: none binds after a refusal.
    const asUser = (name: string) => vault.inEnv(name, user.dn.replace('svc-audit', name))
    const wrongFile = await vault.inFile('IN-A-FILE', (secret) =>
      JSON.stringify({ user: `in-a-file-${principal}`, password: secret }),
    )
    // The text of the error that JSON.parse throws quotes what it could not read.
    const brokenFile = await vault.inFile('BROKEN', (secret) => `{"user": "${principal}", "password": ${secret}`)
    return {
      'a bind at Active Directory': {
        params: { ...ad, ldapCredential: vault.inEnv('GOOD', principal, password) },
        reason: 'as-expected',
      },
      'a bind at OpenLDAP': {
        params: { ...at(peers.slapd), ldapCredential: vault.inEnv('DIRECTORY', user.dn, user.password) },
        reason: 'as-expected',
      },
      'a wrong password': {
        params: { ...ad, ldapCredential: vault.inEnv('WRONG', `wrong-${principal}`) },
        reason: 'ldap-invalid-credentials',
      },
      'a wrong password from a file': {
        params: { ...ad, ldapCredential: wrongFile },
        reason: 'ldap-invalid-credentials',
      },
      'a file that is no JSON': { params: { ...ad, ldapCredential: brokenFile }, reason: 'credential-unavailable' },
      'an authority that is not trusted': {
        params: { domainController: samba.host, ldapCredential: vault.inEnv('UNTRUSTED', principal) },
        reason: 'ldap-channel-unverified',
      },
      'a directory without a certificate': {
        params: { ...at(peers.bare), ldapCredential: asUser('BARE') },
        reason: 'ldap-starttls-refused',
      },
      'a drop in the handshake': {
        params: { ...at(peers.cut), ldapCredential: asUser('EARLY') },
        reason: 'connection-closed',
      },
      'a drop after the bind was sent': {
        params: { ...at(peers.dropper), ldapCredential: asUser('LATE') },
        reason: 'connection-reset',
      },
    }
  }

  /** Two audits of all cases, and every response afterwards. */
  async function useService(database: TestDatabase, env: Record<string, string>) {
    await using service = await startServiceProcess(database.url, env)
    const targets = Object.values(cases).map(({ params }, index) => ({
      name: `${mark}-${index}`,
      address: '127.0.0.1',
      params,
    }))
    const responses: string[] = []
    const audit = async () => {
      const response = await service.call('/v1/audits', {
        method: 'POST',
        headers: { 'content-type': 'application/json', prefer: 'wait=60' },
        body: JSON.stringify({ policy: 'netwrix-endpoint-protector', targets, correlationId: mark }),
      })
      responses.push(await response.text())
      const { id, status } = JSON.parse(responses.at(-1) ?? '') as { id: string; status: string }
      expect(status).toBe('completed')
      return id
    }
    const [first, second] = [await audit(), await audit()]
    const findings = await service.call(`/v1/audits/${first}/findings?rule=ad-ldap-bind`)
    for (const { target, reason } of ((await findings.json()) as { items: Finding[] }).items) {
      const name = Object.keys(cases)[Number(target.slice(mark.length + 1))] ?? ''
      reasons[name] = reason.code
    }
    responses.push(await everyResponse(service.call, { from: `audit:${first}`, to: `audit:${second}` }))
    outputs.api = Buffer.from(responses.join('\n'))
    await service.stop() // so that the log has its last words too
    outputs.log = Buffer.from(service.log())
  }

  /** The command with a password that is right and one that is wrong, as a table and as JSON. */
  async function useCommand(database: TestDatabase, env: Record<string, string>) {
    const [node, ...program] = auditCommand
    for (const name of ['a bind at Active Directory', 'a wrong password']) {
      const params = Object.entries(cases[name]?.params ?? {}).flatMap(([key, value]) => ['--param', `${key}=${value}`])
      for (const more of [[], ['--json']]) {
        const argv = [...program, '127.0.0.1', ...params, ...more]
        await query(database.url, ['DELETE FROM bind_attempt']) // a refused credential would wait
        const { code, stdout, stderr } = await run(node, argv, { env: environment(database.url, env) })
        expect([0, 1], stderr).toContain(code)
        outputs.command = Buffer.concat([outputs.command, Buffer.from(stdout + stderr)])
      }
    }
  }

  test('were used in every way that this test is about', () => {
    expect(reasons).toEqual(Object.fromEntries(Object.entries(cases).map(([name, { reason }]) => [name, reason])))
    expect(findSecrets(Buffer.concat(dropper.received), { late: vault.secrets.LATE ?? '' })).toContain('late: plain')
  })

  test.each([
    ['log', 'in the log of the service at its most talkative', mark],
    ['command', 'in what the command prints and logs', 'ad-ldap-bind'],
    ['api', 'in any response of the API', mark],
    ['database', 'in any table of the database', mark],
    ['capture', 'in any packet to or from a directory', mark],
  ] as const)('are not in the %s: not %s', (output, _what, presence) => {
    expect(outputs[output].includes(presence), `${output} has what must be there`).toBe(true)
    expect(findSecrets(outputs[output], vault.secrets)).toEqual([])
  })

  test('would be found: what was sent in clear is, in every form', () => {
    expect(findSecrets(outputs.capture, sentInClear)).toContain('clear: plain')
    expect(findSecrets(outputs.capture, { mark })).toEqual([...formsOf(mark).keys()].map((form) => `mark: ${form}`))
  })
})

type Vault = ReturnType<typeof createVault>

/** Credentials and where they lie: each is a secret of its own, unless one is given that a peer knows. */
function createVault(directory: string) {
  const secrets: Record<string, string> = {}
  const variables: Record<string, string> = {}
  const grants: string[] = []
  const grant = (ref: string) => {
    grants.push(`${ref}@${network}`)
    return ref
  }
  // With characters that JSON and URLs write in a way of their own.
  const add = (name: string, secret = `${unique(name)}"%`) => {
    secrets[name] = secret
    return secret
  }
  return {
    secrets,
    add,
    env: () => ({ ...variables, PORTWARDEN_CREDENTIALS: grants.join(',') }),
    inEnv(name: string, user: string, known?: string): string {
      variables[name] = JSON.stringify({ user, password: add(name, known) })
      return grant(`env:${name}`)
    },
    async inFile(name: string, content: (secret: string) => string): Promise<string> {
      const path = join(directory, name)
      await writeFile(path, content(add(name)))
      return grant(`file:${path}`)
    },
  }
}

/** Says this on a connection of its own, and waits until the peer has ended it. */
async function sendInClear(peer: { host: string; port: number }, words: readonly (string | Uint8Array)[]) {
  const socket = net.connect(peer.port, peer.host)
  socket.on('error', () => {}) // a directory may reset what is no LDAP
  for (const word of words) socket.write(word)
  socket.end()
  await buffer(socket).catch(() => {})
}
