import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { XMLValidator } from 'fast-xml-parser'
import { unzipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listenSilently } from '../support/app.ts'
import type { Listening } from '../support/listen.ts'
import { freePort } from '../support/ports.ts'
import { type Ran, runInProcess } from '../support/run-program.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir } from '../support/temp-dir.ts'

let service: TestService
let url: string
let open: Listening
let closed: number
let directory: Awaited<ReturnType<typeof makeTempDir>>
let policy: string
beforeAll(async () => {
  ;[service, open, closed, directory] = await Promise.all([
    startService(),
    listenSilently(),
    freePort(),
    makeTempDir('cli'),
  ])
  url = await service.listen()
  policy = await write('closed.yaml', document('closed', 'high'))
})
afterAll(() => Promise.all([service.stop(), open.close(), directory.remove()]))

/** One rule: a port that must be closed; `port` is a parameter of targets, too. */
const document = (name: string, severity: string) => `
name: ${name}
title: Closed ports
parameters:
  port: { type: port, default: ${closed}, description: the port }
  support: { type: port, default: ${closed}, description: the other port }
rules:
  - { id: port-closed, title: The port is closed, severity: ${severity}, direction: inbound, from: [client], probe: tcp, port: "\${port}",
      expect: { state: [closed] }, remediation: Stop the service on the port. }
  - { id: support-closed, title: Closed for support, severity: low, direction: inbound, from: [support], probe: tcp, port: "\${support}",
      expect: { state: [closed] } }
`
async function write(name: string, text: string): Promise<string> {
  const file = join(directory.path, name)
  await writeFile(file, text)
  return file
}

type Options = Parameters<typeof runInProcess>[1] & { server?: string }
const portwarden = (argv: readonly string[], { env, server = url, ...more }: Options = {}): Promise<Ran> =>
  runInProcess([...argv, '--server', server], { env: { PORTWARDEN_KEY: service.key, ...env }, ...more })
const audit = (argv: readonly string[], options?: Options) =>
  portwarden(['audit', '--policy', policy, ...argv], options)
const json = async (argv: readonly string[], options?: Options) => {
  const { stdout, stderr, code } = await audit([...argv, '--json'], options)
  expect(stderr).toBe('')
  return { code, ...JSON.parse(stdout) }
}
const bearer = () => ({ authorization: `Bearer ${service.key}` })
const targetsOf = ({ findings }: { findings: { target: string }[] }) =>
  [...new Set(findings.map(({ target }) => target))].sort()
const ports = (found: { findings: { target: string; evidence: { port: number } | null }[] }) =>
  found.findings.flatMap(({ target, evidence }) => (evidence ? [[target, evidence.port]] : [])).sort()

describe('portwarden audit --server', () => {
  test('takes CIDR ranges, and audits each of their addresses', async () => {
    const found = await json(['127.0.4.8/31'])
    expect([found.code, targetsOf(found)]).toEqual([0, ['127.0.4.8', '127.0.4.9']])
  })

  test('takes a list of standard input, with comments, names and empty lines', async () => {
    const found = await json(['--targets', '-', '127.0.4.1'], { stdin: '# servers\n127.0.4.2\n\n127.0.4.3 # third\n' })
    expect(targetsOf(found)).toEqual(['127.0.4.1', '127.0.4.2', '127.0.4.3'])
  })

  test.each([
    [
      'CSV',
      (port: number) => `name,address,params\ncsv-1,127.0.0.1,"{""port"":${port}}"\ncsv-2,127.0.4.5,\n`,
      ['csv-1', 'csv-2'],
    ],
    [
      'NDJSON',
      (port: number) =>
        `{"name":"nd-1","address":"127.0.0.1","params":{"port":${port}}}\n{"name":"nd-2","address":"127.0.4.5"}\n`,
      ['nd-1', 'nd-2'],
    ],
  ] as const)('takes %s with parameters for each host', async (format, textOf, [first, second]) => {
    const file = await write(`hosts.${format.toLowerCase()}`, textOf(open.port))
    const found = await json(['--targets', file])
    expect([found.code, ports(found)]).toEqual([
      1,
      [
        [first, open.port],
        [second, closed],
      ],
    ])
  })

  test('takes Nmap XML', async () => {
    const host = '<host><status state="up"/><address addr="127.0.4.6" addrtype="ipv4"/></host>'
    const file = await write('scan.xml', `<?xml version="1.0"?><nmaprun scanner="nmap">${host}</nmaprun>`)
    expect(targetsOf(await json(['--targets', file]))).toEqual(['127.0.4.6'])
  })

  test('says in which line of a file a target is not valid, and audits none', async () => {
    const file = await write('bad.csv', 'name,address\nbad-1,127.0.4.7\nbad-2,127.1\n')
    const { code, stdout, stderr } = await audit(['--targets', file])
    expect([code, stdout, stderr]).toEqual([64, '', expect.stringMatching(/\/address.*must be/)])
    expect((await service.call('GET', '/v1/targets/bad-1')).status).toBe(404)
  })

  test('selects stored targets by labels, names and external ids, and changes none', async () => {
    const body = {
      name: 'stored',
      address: '127.0.0.1',
      labels: { site: 'cli' },
      params: { port: open.port },
      externalId: 'CI-cli',
    }
    await service.call('POST', '/v1/targets', { body })
    const before = await service.call('GET', '/v1/targets/stored')
    for (const selection of [['--label', 'site=cli'], ['stored'], ['externalId=CI-cli'], ['--targets', '-']]) {
      const found = await json(selection, { stdin: 'externalId=CI-cli\nstored\n' })
      expect([selection, found.code, ports(found)]).toEqual([selection, 1, [['stored', open.port]]])
    }
    expect((await service.call('GET', '/v1/targets/stored')).body).toEqual(before.body)
    for (const [selection, message] of [
      [['--label', 'site=nowhere'], /no target has these labels/],
      [['externalId=none'], /there is no target with the externalId none/],
    ] as const)
      expect(await audit(selection)).toEqual({ code: 64, stdout: '', stderr: expect.stringMatching(message) })
  })

  test('prints expected and seen, a sentence with the fix for each failure, and a summary', async () => {
    const { code, stdout } = await audit(['127.0.0.1', '--param', `port=${open.port}`])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^TARGET +RULE +VANTAGE +RESULT +EXPECTED +SEEN$/m)
    expect(stdout).toMatch(
      new RegExp(`^127\\.0\\.0\\.1 +port-closed +\\S+ +fail +closed +port ${open.port} open$`, 'm'),
    )
    expect(stdout).toMatch(
      /^✗ 127\.0\.0\.1: The port is closed \(high, from \S+\)\n {2}The port is open.*\n {2}Fix: Stop the service/m,
    )
    expect(stdout).toMatch(
      /^1 of 2 rules fails; 1 could not be checked .*because no vantage is in the zone support\.$/m,
    )
  })

  test.each(['json', 'csv', 'junit', 'sarif', 'oscal', 'nmap', 'html'] as const)(
    'writes %s into a file',
    async (format) => {
      const file = join(directory.path, `audit.${format}`)
      const ran = await audit(['127.0.4.40', '--format', format, '--output', file])
      expect(ran).toEqual({ code: 0, stdout: '', stderr: '' })
      const text = await readFile(file, 'utf8')
      const checks = {
        json: () => expect(JSON.parse(text).audit.verdict).toBe('pass'),
        csv: () => expect(text).toMatch(/^target,rule,.*\r\n127\.0\.4\.40,/s),
        junit: () => expect(XMLValidator.validate(text)).toBe(true),
        sarif: () => expect(JSON.parse(text).version).toBe('2.1.0'),
        oscal: () => expect(Object.keys(JSON.parse(text))).toEqual(['assessment-results']),
        nmap: () => expect(text).toContain('<nmaprun '),
        html: () => expect(text).toMatch(/^<!doctype html>.*<\/html>\n$/s),
      }
      checks[format]()
      await expect(readFile(`${file}.part`)).rejects.toThrow(/ENOENT/)
    },
  )

  test('says that an output cannot be written before it audits', async () => {
    const file = join(directory.path, 'none', 'audit.json')
    const ran = await audit(['127.0.4.41', '--output', file])
    const message = expect.stringMatching(/^portwarden: the output cannot be written: ENOENT[^\n]*\n$/)
    expect(ran).toEqual({ code: 2, stdout: '', stderr: message })
    expect((await service.call('GET', '/v1/targets/127.0.4.41')).status).toBe(404)
  })

  test('counts failures by --fail-on', async () => {
    const low = await write('low.yaml', document('low', 'low'))
    const argv = ['127.0.0.1', '--policy', low, '--param', `port=${open.port}`, '--quiet']
    expect(await audit(argv)).toEqual({ code: 1, stdout: '', stderr: '' })
    expect((await audit([...argv, '--fail-on', 'low'])).code).toBe(1)
    expect((await audit([...argv, '--fail-on', 'medium'])).code).toBe(0)
  })

  test('shows the drift since a baseline, and names a baseline that is not there', async () => {
    const first = await json(['127.0.0.1'])
    await service.call('POST', '/v1/baselines', {
      body: { name: 'approved', audit: first.audit.id, reason: 'agreed' },
    })
    const { code, stdout } = await audit(['127.0.0.1', '--param', `port=${open.port}`, '--baseline', 'approved'])
    expect([code, stdout]).toEqual([1, expect.stringMatching(/Drift since the baseline approved:\n.*\nregressed/)])
    expect(await audit(['127.0.0.1', '--baseline', 'none'])).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(/there is no baseline none/),
    })
  })

  test('with --watch audits again until SIGINT', async () => {
    const audits = async () => (await service.call('GET', '/v1/audits?target=127.0.4.70')).body.items
    const running = audit(['127.0.4.70', '--watch', '1s', '--quiet'])
    await expect.poll(async () => (await audits()).length, { timeout: 30_000 }).toBeGreaterThan(1)
    process.emit('SIGINT')
    expect((await running).code).toBe(130)
  })

  test('says for whom it waits, and cancels the audit at SIGINT', async () => {
    await service.call('PUT', '/v1/vantages/far', { body: { zones: ['client'] } })
    const audits = async () => (await service.call('GET', '/v1/audits?target=127.0.4.80')).body.items
    const running = audit(['127.0.4.80', '--vantage', 'far'])
    await expect.poll(async () => (await audits())[0]?.status, { timeout: 30_000 }).toBe('running')
    process.emit('SIGINT')
    const { code, stdout, stderr } = await running
    expect([code, stdout]).toEqual([130, ''])
    expect(stderr).toMatch(/is canceled\n$/)
    expect(await audits()).toMatchObject([{ status: 'canceled' }])
    await service.call('DELETE', '/v1/vantages/far')
  })

  test('exits 64 for what the service refuses, and 2 where it cannot be used', async () => {
    const broken = await write('broken.yaml', 'name: broken\nrules: [\n')
    const refused: [string[], Options, number, RegExp][] = [
      [['127.0.4.90', '--policy', 'nothing'], {}, 64, /there is no policy nothing/],
      [['127.0.4.90', '--policy', broken], {}, 64, /broken\.yaml:3: is not YAML: /],
      [['127.0.4.90', '--policy', directory.path], {}, 64, /: illegal operation on a directory\n$/],
      [['127.0.4.90', '--vantage', 'nowhere'], {}, 64, /^portwarden: \/vantages\/0: there is no vantage nowhere.*\n$/],
      [
        ['127.0.4.90', '--param', 'prot=1'],
        {},
        64,
        /--param prot=1: write key=value; the keys of this policy are port, support/,
      ],
      [['127.0.4.90'], { env: { PORTWARDEN_KEY: '' } }, 64, /--server needs a key: set PORTWARDEN_KEY/],
      [['127.0.4.90'], { env: { PORTWARDEN_KEY: 'wrong' } }, 2, /^portwarden: 401 /],
      [['127.0.4.90'], { server: `http://127.0.0.1:${closed}` }, 2, /does not respond: connect ECONNREFUSED/],
      [['127.0.4.90'], { server: 'http://portwarden.example' }, 64, /must begin with https/],
      [['127.0.4.90'], { server: 'https://a:b@portwarden.example' }, 64, /must not hold a password/],
    ]
    for (const [argv, options, code, message] of refused)
      expect(await audit(argv, options)).toEqual({ code, stdout: '', stderr: expect.stringMatching(message) })
  })
})

describe('portwarden', () => {
  test('ledger verifies, exports and shows the head of a service', async () => {
    const verified = await portwarden(['ledger', 'verify', '--findings'])
    expect(verified).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^verdict: {2}intact, \d+ entries checked\nfindings: of \d+ audits/),
    })
    const head = await portwarden(['ledger', 'head'])
    const file = await write('head.json', head.stdout)
    expect((await portwarden(['ledger', 'verify', '--head', file, '--json'])).code).toBe(0)
    const forged = await write('forged.json', head.stdout.replace(/"head":"(\d+):/, '"head":"9$1:'))
    expect((await portwarden(['ledger', 'verify', '--head', forged])).code).toBe(64)
    const { stdout } = await portwarden(['ledger', 'export'])
    const entries = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, i) => entries.length - i))
    expect(Object.keys(entries[0]).sort()).toEqual([
      'action',
      'actor',
      'at',
      'hash',
      'keyId',
      'mac',
      'payload',
      'prev',
      'seq',
      'subject',
    ])
  })

  test('reports and lists are printed as the service gives them, with the byte-order mark for Excel', async () => {
    const excel = await portwarden(['report', 'findings', '--format', 'csv', '--query', 'csv=excel'])
    expect(excel).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^\uFEFFtarget;policy;.*\r\n$/s) })
    const listed = await portwarden(['targets', 'list', '--format', 'csv'])
    expect(listed.stdout).toBe(await (await fetch(`${url}/v1/targets?format=csv`, { headers: bearer() })).text())
    expect((await portwarden(['targets', 'list', '--format', 'json'])).stdout).toMatch(/\}\n$/)
  })

  test('pack saves the evidence of an audit, and says which id is none', async () => {
    const { audit: ended } = await json(['127.0.4.100'])
    const file = join(directory.path, 'evidence.zip')
    expect(await portwarden(['pack', 'save', ended.id, '--output', file])).toEqual({
      code: 0,
      stdout: `${file}\n`,
      stderr: '',
    })
    expect(Object.keys(unzipSync(await readFile(file)))).toContain('manifest.json')
    expect((await portwarden(['pack', 'save', '1'])).stderr).toMatch(/1 is not the id of an audit/)
    const gone = await portwarden(['pack', 'save', ended.id.replaceAll(/[0-9]/g, '1'), '--output', file])
    expect(gone).toMatchObject({ code: 2, stderr: expect.stringMatching(/^portwarden: 404 there is no audit/) })
  })

  test('trace lets a vantage of the service trace a target or a host', async () => {
    await service.call('POST', '/v1/targets', {
      body: { name: 'traced', address: '127.0.0.1', externalId: 'CI-traced' },
    })
    for (const host of ['traced', 'externalId=CI-traced', '127.0.0.1']) {
      const { code, stdout, stderr } = await portwarden(['trace', host, String(open.port), '--json'])
      expect([host, code, JSON.parse(stdout).address]).toEqual([host, 0, '127.0.0.1'])
      expect(stderr).toMatch(/^portwarden: the vantage \S+ traces\n$/)
    }
    const wrong = await portwarden(['trace', 'traced', '22', '--vantage', 'nowhere'])
    expect([wrong.code, wrong.stderr]).toEqual([64, expect.stringMatching(/there is no vantage nowhere/)])
    const local = await runInProcess(['trace', '127.0.0.1', '22', '--vantage', 'far'])
    expect([local.code, local.stderr]).toEqual([64, expect.stringMatching(/name it with --server/)])
  })

  test.each([
    ['serve', []],
    ['demo', []],
    ['completion', ['bash']],
    ['policy validate', ['x.yaml']],
    ['pack verify', ['x']],
  ] as const)('%s says why it takes no --server', async (name, argv) => {
    const { code, stdout, stderr } = await portwarden([...name.split(' '), ...argv])
    expect([code, stdout, stderr]).toEqual([
      64,
      '',
      expect.stringMatching(/^portwarden: this command takes no --server: \w/),
    ])
  })
})
