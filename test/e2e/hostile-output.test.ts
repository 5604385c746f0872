import { once } from 'node:events'
import { connect } from 'node:net'
import { strFromU8, unzipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPoster } from '../../src/operations/webhooks/delivery/http-client.ts'
import { firewallFormats } from '../../src/report/firewall/index.ts'
import { auditFormats } from '../../src/report/formats/index.ts'
import { createLine } from '../../src/runtime/line.ts'
import { auditCommand, environment } from '../support/commands.ts'
import { responsesOf } from '../support/every-response.ts'
import { expectHarmless } from '../support/expect-harmless.ts'
import { type HostilePeers, isHeaderText, isLineText, isNameText, startHostilePeers } from '../support/hostile-peers.ts'
import { type HostileText, hostileTexts, markOf, obeyed } from '../support/hostile-texts.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { run } from '../support/processes.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { type ApiResponse, startService, type TestService } from '../support/service.ts'
import type { fullTarget } from '../support/target.ts'

const first = hostileTexts.findIndex(({ text }) => !obeyed.test(text))
/** Texts that a caller may write, since no terminal obeys them; the others are refused. */
const [refused, taken] = [
  hostileTexts.filter(({ text }) => obeyed.test(text)),
  hostileTexts.filter(({ text }) => !obeyed.test(text)),
]

/** For some thousand requests on a busy machine. */
const manyRequestsMs = 300_000

describeWithPeers(['openssl'], 'what others say', () => {
  let peers: HostilePeers
  let service: TestService
  let url: string
  let receivers: Record<string, Receiver>

  const create = async (path: string, body: object): Promise<ApiResponse['body']> => {
    const response = await service.call('POST', path, { body, headers: { prefer: 'wait=15' } })
    expect([200, 201, 202], JSON.stringify(response.body)).toContain(response.status)
    return response.body
  }

  beforeAll(async () => {
    const env = { PORTWARDEN_WEBHOOK_ALLOW: '127.0.0.0/8,::1/128', PORTWARDEN_WEBHOOK_RETRY_SECONDS: '3600' }
    ;[peers, service] = await Promise.all([startHostilePeers(hostileTexts), startService({ env })])
    url = await service.listen()
    const formats = ['standard', 'servicenow-em', 'jira-ops']
    receivers = Object.fromEntries(await Promise.all(formats.map(async (format) => [format, await startReceiver()])))
  })
  beforeAll(async () => {
    const events = ['audit.completed', 'drift.detected', 'finding.opened', 'finding.resolved']
    for (const [format, receiver] of Object.entries(receivers))
      await create('/v1/webhooks', { url: receiver.url, events, format })
    await service.call('PUT', '/v1/policies/peers', { body: peersPolicy() })
    for (let twice = 0; twice < 2; twice += 1)
      await create('/v1/audits', { policy: 'peers', targets: [{ name: 'hostile', address: '127.0.0.1' }] })
  })
  afterAll(async () => {
    await Promise.all([service?.stop(), peers?.stop()])
    await Promise.all(Object.values(receivers ?? {}).map(({ close }) => close()))
  })

  const rule = (id: string, more: object) => ({
    ...{ id, title: id, severity: 'high', direction: 'inbound', from: ['client'], ...more },
  })
  const peersPolicy = () => ({
    name: 'peers',
    title: 'Peers',
    rules: [
      rule('ssh', { probe: 'ssh', port: peers.ssh.port, expect: { ssh: { speaks: true } } }),
      rule('tls', { probe: 'tls', port: peers.tls.port, expect: { tls: { trusted: true } } }),
      rule('ldap', { probe: 'ldap', port: peers.ldap.port, expect: { ldap: { activeDirectory: true } } }),
      ...peers.http.map(({ port }, i) =>
        rule(`http${i}`, { probe: 'https', port, expect: { http: { answers: true } } }),
      ),
    ],
  })

  let pages = ''
  /** Returns a pack as the text of its files, each of which is checked. */
  const get = async (path: string, init: RequestInit = {}) => {
    const headers = { ...init.headers, authorization: `Bearer ${service.key}` }
    const response = await fetch(url + path, { ...init, headers })
    if (!response.headers.get('content-type')?.includes('zip')) return response
    const files = Object.entries(unzipSync(new Uint8Array(await response.arrayBuffer())))
    const texts = files.map(([name, file]) => [name, strFromU8(file)] as const)
    for (const [name, text] of texts) {
      expectHarmless(`${name} of a pack`, mediaTypes[name.split('.').at(-1) ?? ''] ?? 'text', text)
      if (name.endsWith('html')) pages += text
    }
    return new Response(texts.flat().join('\n'))
  }

  /** All outputs of a kind, as one text, each checked by itself. */
  async function outputs(): Promise<Map<string, string>> {
    const query = { from: '2026-01-01T00:00:00Z', to: new Date().toISOString(), framework: 'NIST-800-53' }
    const all = new Map<string, string>()
    for await (const { url: path, type, head, text } of responsesOf(get, query)) {
      const kind = path.includes('/pack') ? 'pack' : type
      if (kind !== 'pack') expectHarmless(path, type, text)
      expect(`${path} ${head}`).not.toMatch(obeyed)
      all.set(kind, `${all.get(kind) ?? ''}${text}\n`)
    }
    for (const format of Object.values(firewallFormats)) expect(all.has(format.mediaType)).toBe(true)
    return all.set('html', pages)
  }
  /** Fails where one of the texts did not arrive in one of the outputs; prints how many were expected. */
  function expectArrived(texts: readonly HostileText[], all: Map<string, string>, kinds: readonly string[]): void {
    const missing = kinds.flatMap((kind) =>
      texts.filter((text) => !all.get(kind)?.includes(markOf(text))).map((text) => `${text.kind} in ${kind}`),
    )
    expect(missing).toEqual([])
    process.stdout.write(`${texts.length} hostile texts in ${kinds.length} kinds of output: ${kinds.join(', ')}\n`)
  }
  const evidenceForms = ['application/json', 'application/x-ndjson', 'text/csv', ...documents, 'pack']

  test('what peers say is shown escaped in every output that has evidence, and in no other', async () => {
    const all = await outputs()
    expectArrived(hostileTexts, all, evidenceForms)
    for (const text of all.values()) {
      expect(text).not.toMatch(/\\u00[0189]|\\u202[a-e]|\\u206[6-9]/) // it is escaped where it comes in
      expect(text).not.toContain('long'.repeat(126))
    }
    const evidence = new Map<string, string>()
    for (const { rule, evidence: seen } of (await service.call('GET', '/v1/reports/history?limit=1000')).body.items)
      evidence.set(rule, `${evidence.get(rule) ?? ''}${JSON.stringify(seen)}`)
    evidence.set(
      'http',
      [...evidence]
        .flatMap(([rule, text]) => (/^http\d/.test(rule) ? /"server":"(?:\\.|[^"])*"/.exec(text)?.[0] : []))
        .join(),
    )
    expectArrived(hostileTexts.filter(isLineText), evidence, ['ssh'])
    expectArrived(hostileTexts.filter(isHeaderText), evidence, ['http'])
    expectArrived(hostileTexts.filter(isNameText), evidence, ['tls'])
    expectArrived(hostileTexts, evidence, ['ldap'])
    expect(evidence.get('ssh')).toContain('\\\\xff\\\\xc3(')
    expect(evidence.get('ldap')).toContain('\\\\xff\\\\xc3(')
  })

  test('/probe shows the names of a certificate escaped', async () => {
    const target = `127.0.0.1:${peers.tls.port}`
    const { body } = await service.call('GET', `/probe?target=${target}&module=tls_connect_insecure`)
    expectHarmless('/probe', 'text/plain', body)
    expectArrived(hostileTexts.filter(isNameText), new Map([['/probe', body]]), ['/probe'])
  })

  test('webhooks send text of peers escaped, or not at all', async () => {
    const payloads = new Map<string, string>()
    for (const [format, { received }] of Object.entries(receivers)) {
      await expect.poll(() => received.some(({ text }) => text.includes('drift'))).toBe(true)
      for (const { path, headers, text } of received) {
        expectHarmless(format, 'application/json', text)
        expect(path + JSON.stringify(headers)).toMatch(/^[ -~]*$/)
      }
      payloads.set(format, received.map(({ text }) => text).join('\n'))
    }
    expectArrived(hostileTexts, payloads, ['standard'])
    // These report that there is drift, without a list of it.
    for (const format of ['servicenow-em', 'jira-ops']) expect(payloads.get(format)).not.toMatch(/mark\d+z/)
  })

  test('npm run audit shows it escaped, and what it was called with', async () => {
    const env = environment(service.url, {
      PORTWARDEN_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
      PORTWARDEN_LOG_LEVEL: 'debug',
    })
    const [node, ...program] = auditCommand
    const [json, table, issue] = await Promise.all([
      run(node, [...program, '127.0.0.1', '--policy', 'peers', '--json'], { env }),
      run(node, [...program, '127.0.0.2', '--policy', 'peers'], { env }),
      run(node, [...program, ...hostileTexts.filter(isNameText).map(({ text }) => `x${text}`), '--policy', 'x'], {
        env,
      }),
    ])
    expectHarmless('the command', 'application/json', json.stdout)
    expectArrived(hostileTexts, new Map([['command', json.stdout]]), ['command'])
    expectHarmless('the table of the command', 'text', table.stdout + table.stderr)
    expect(table.stdout).toContain('verdict:')
    expectHarmless('the error of the command', 'text', issue.stderr)
    expect(issue.stderr).toContain('mark0z')
  })

  test('why a webhook was not delivered quotes the names of a certificate escaped', async () => {
    const { cert, key } = peers.nameless
    const receiver = await startReceiver({ cert, key })
    const gate = async () => {
      const socket = connect(Number(new URL(receiver.url).port), '127.0.0.1')
      await once(socket, 'connect')
      return { socket, loopback: true }
    }
    const poster = createPoster({ connect: gate, timeoutMs: 5_000, plainHttp: false, ca: cert })
    const { error } = await poster.post({ url: receiver.url, headers: {}, body: '{}' })
    expect(error).toMatch(/mark0z/)
    expect(error).toMatch(/^[ -~]*$/)
    poster.close()
    await receiver.close()
  })

  test('a log shows its input escaped, line by line', async () => {
    const program = `import { openLog } from '${import.meta.dirname}/../../src/app/log.ts'
      const log = openLog('info')
      for (const text of JSON.parse(process.argv[1])) log.error({ err: new Error(text), host: text }, text)`
    const argv = ['--input-type=module', '-e', program, JSON.stringify(hostileTexts.map(({ text }) => text))]
    const { stderr } = await run(process.execPath, argv)
    expectHarmless('the log', 'application/x-ndjson', stderr)
    expect(stderr.trimEnd().split('\n')).toHaveLength(hostileTexts.length)
    expectArrived(hostileTexts, new Map([['log', stderr]]), ['log'])
  })

  /** The fields in which callers write free text. */
  const carriers: Record<string, (text: string, i: number) => Promise<ApiResponse>> = {
    'a target': (text, i) => service.call('PUT', `/v1/targets/t${i}`, { body: targetWith(text) }),
    'a target as NDJSON': (text, i) =>
      imports('application/x-ndjson', JSON.stringify({ name: `n${i}`, ...targetWith(text) })),
    'a target as CSV': (text, i) =>
      imports('text/csv', `name,address,externalId\r\nc${i},127.0.0.1,"x${text.replaceAll('"', '""')}"`),
    'an audit': (text) => service.call('POST', '/v1/audits', { body: { ...oneTarget, correlationId: text } }),
    'the reason of an audit': (text) => service.call('POST', '/v1/audits', { body: { ...oneTarget, reason: text } }),
    'a policy': (text, i) => service.call('PUT', `/v1/policies/p${i}`, { body: policyWith(text, i) }),
    'a policy as YAML': (text, i) =>
      service.call('PUT', `/v1/policies/y${i}`, {
        body: JSON.stringify({ ...policyWith(text, i), name: `y${i}` }),
        headers: { 'content-type': 'application/yaml' },
      }),
    'a webhook': (text) =>
      service.call('POST', '/v1/webhooks', {
        body: { url: 'http://127.0.0.1:9', events: ['vantage.absent'], description: text },
      }),
    'a key': (text) => service.call('POST', '/v1/keys', { body: { name: text, scopes: ['reports:read'] } }),
    'a waiver': (text) => service.call('POST', '/v1/waivers', { body: waiverWith(text) }),
    'the approval of a waiver': async (text) =>
      decide('waivers', await service.call('POST', '/v1/waivers', { body: waiverWith('plain') }), 'approve', text),
    'the rejection of a waiver': async (text) =>
      decide('waivers', await service.call('POST', '/v1/waivers', { body: waiverWith('plain') }), 'reject', text),
    'a window': (text) => service.call('POST', '/v1/windows', { body: windowWith(text) }),
  }
  const decide = async (kind: string, { body }: ApiResponse, what: 'approve' | 'reject', reason: string) => {
    approver ??= await service.stores.keys.create('approver', ['admin'])
    return service.call('POST', `/v1/${kind}/${body.id}/${what}`, { key: approver, body: { reason } })
  }
  let approver: string | undefined
  const imports = (type: string, body: string) =>
    service.call('POST', '/v1/targets/import', { body, headers: { 'content-type': type } })
  const targetWith = (text: string): Omit<typeof fullTarget, 'name'> => ({
    address: '127.0.0.1',
    externalId: text,
    labels: { note: text },
    roles: [text],
    params: { note: text },
  })
  const oneTarget = { policy: 'peers', targets: ['hostile'] }
  const policyWith = (text: string, i: number) => ({
    ...{ name: `p${i}`, title: text, source: text },
    rules: [
      rule('closed', {
        ...{ title: text, rationale: text, remediation: text, probe: 'tcp', port: peers.ssh.port },
        ...{ expect: { state: ['closed'] }, insideWindow: { expect: { state: ['open'] } } },
      }),
    ],
  })
  const soon = () => new Date(Date.now() + 3_600_000).toISOString()
  const waiverWith = (text: string) => ({
    policy: `p${first}`,
    rules: ['closed'],
    targets: ['hostile'],
    ticket: text,
    reason: text,
    expiresAt: soon(),
  })
  const windowWith = (text: string) => ({
    ...{ policy: `p${first}`, rules: ['closed'], targets: [`t${first}`], ticket: text, reason: text },
    ...{ from: new Date().toISOString(), to: soon() },
  })

  test('a text that a terminal would obey is refused wherever callers write', async () => {
    const wrong: string[] = []
    for (const [name, carry] of Object.entries(carriers)) {
      for (const [i, { kind, text }] of refused.entries()) {
        const { status, body } = await carry(text, i + 100)
        if (![400, 422].includes(status) || !/control characters/.test(JSON.stringify(body)))
          wrong.push(`${kind} in ${name}: ${status} ${JSON.stringify(body)}`)
        expectHarmless(name, 'application/json', JSON.stringify(body))
      }
    }
    expect(wrong).toEqual([])
  })

  describe('other texts of callers', () => {
    beforeAll(async () => {
      const carry = async (text: string, i: number) => {
        for (const [name, write] of Object.entries(carriers)) {
          if (name.includes('audit')) continue // comes last
          if (name === 'a window' && i !== first) continue // another would overlap it
          const { status, body } = await write(text, i)
          expect([200, 201, 202], `${name} ${JSON.stringify(body)}`).toContain(status)
        }
        const audit = { policy: `p${i}`, targets: [`t${i}`], correlationId: text, reason: text }
        await service.ended((await create('/v1/audits', audit)).id)
      }
      const [one, ...others] = [...hostileTexts.entries()].filter(([, { text }]) => !obeyed.test(text))
      if (one) await carry(one[1].text, one[0]) // makes what waivers and windows name
      const inTurn = createLine(4) // a key may import four lists at the same time
      await Promise.all(others.map(([i, { text }]) => inTurn(1, () => carry(text, i))))
    }, manyRequestsMs)

    test('come out of every output as they went in, and nothing of them is run', {
      timeout: manyRequestsMs,
    }, async () => {
      const all = await outputs()
      expectArrived(taken, all, [...evidenceForms, 'html', 'text/event-stream'])
      const { items } = (await service.call('GET', '/v1/targets?limit=1000')).body
      const kept = items.filter(({ name }: { name: string }) => /^[tn]\d/.test(name))
      expect(new Set(kept.map(({ labels }: { labels: { note: string } }) => labels.note))).toEqual(
        new Set(taken.map(({ text }) => text)),
      )

      const payloads = new Map<string, string>()
      for (const [format, { received }] of Object.entries(receivers)) {
        const text = () => received.map((one) => one.text).join('\n')
        await expect.poll(() => taken.every((one) => text().includes(markOf(one)))).toBe(true)
        for (const one of received) expectHarmless(format, 'application/json', one.text)
        for (const { path, headers } of received) expect(path + JSON.stringify(headers)).toMatch(/^[ -~]*$/)
        payloads.set(format, text())
      }
      expectArrived(taken, payloads, Object.keys(receivers))
    })
  })
})

const documents = Object.values(auditFormats).map(({ mediaType }) => mediaType)
const mediaTypes: Record<string, string> = {
  ...{ json: 'application/json', ndjson: 'application/x-ndjson', csv: 'text/csv', html: 'text/html' },
}
