import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { listenSilently, ports } from './support/app.ts'
import type { Listening } from './support/listen.ts'
import { describeWithPeers } from './support/peers/available.ts'
import { freePort } from './support/ports.ts'
import { run } from './support/processes.ts'
import { type ScrapeJob, scrape, scrapesOf } from './support/scrape.ts'
import { startService, type TestService } from './support/service.ts'
import { startTlsFront } from './support/tls-front.ts'

const examples = resolve(import.meta.dirname, '../examples')
const read = (name: string) => readFileSync(join(examples, name), 'utf8')

let service: TestService
let url: string
let open: Listening
let directory: string
beforeAll(async () => {
  service = await startService()
  url = await service.listen()
  open = await listenSilently()
  directory = await mkdtemp(join(tmpdir(), 'examples-'))
  // An open port where one must be, and another where none may be: the verdict is fail.
  const params = { openPort: open.port, closedPort: open.port }
  await service.call('POST', '/v1/targets', {
    body: { name: 'epp-01', address: '127.0.0.1', params, labels: { ticket: 'CHG1' } },
  })
})
afterAll(async () => {
  await service.stop()
  await open.close()
  await rm(directory, { recursive: true })
})

const environment = (more: Record<string, string> = {}) => ({
  PATH: process.env.PATH,
  PORTWARDEN_URL: url,
  PORTWARDEN_KEY: service.key,
  POLICY: ports.name,
  ...more,
})
const auditsOf = async (correlationId: string) =>
  (await service.call('GET', `/v1/audits?correlationId=${correlationId}`)).body.items

describeWithPeers(['curl'], 'with curl', () => {
  test('the session imports, audits once, and reads the findings', async () => {
    const path = join(directory, 'targets.csv')
    const params = JSON.stringify({ openPort: open.port, closedPort: open.port }).replaceAll('"', '""')
    await writeFile(path, `name,address,labels.ticket,params\nepp-02,127.0.0.1,CHG2,"${params}"\n`)
    const session = () => run('sh', [join(examples, 'curl-session.sh'), path, 'CHG2'], { env: environment() })
    const { code, stdout, stderr } = await session()
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/"created":1.*\nverdict: fail\ntarget,rule,.*\r\nepp-02,/)
    expect((await session()).stdout).toMatch(/"unchanged":1/)
    expect(await auditsOf('CHG2')).toHaveLength(1)
  })

  test('the script of the GitLab job leaves JUnit XML, and fails with the audit', async () => {
    const job = parse(read('gitlab-ci.yml'))['audit ports']
    const path = job.artifacts.reports.junit
    const env = environment({ TARGET: 'epp-01', CI_JOB_ID: '1', CI_COMMIT_SHA: 'c0ffee' })
    const script = `set -eo pipefail\n${job.script.join('\n')}`
    const { code, stderr } = await run('bash', ['--norc', '-c', script], { env, cwd: directory })
    expect([code, stderr]).toEqual([1, ''])
    expect(readFileSync(join(directory, path), 'utf8')).toMatch(/<testsuites.+<failure/s)
    expect(await auditsOf('c0ffee')).toMatchObject([{ verdict: 'fail' }])
  })

  test('the ServiceNow script writes the verdict into the work notes of the change', async () => {
    const sysId = '46d44a5ac0a8010e0000aa1c8f2f4f36'
    await service.call('PATCH', '/v1/targets/epp-01', { body: { externalId: sysId } })
    const notes = await runServiceNow(sysId)
    expect(notes.updated).toBe(true)
    expect(notes.work_notes).toMatch(/^Portwarden: fail, [1-9]\d* failed, http/)
    expect(await auditsOf('CHG3')).toMatchObject([{ verdict: 'fail' }])
  })

  test('the ServiceNow script logs a refused request', async () => {
    const notes = await runServiceNow('not-there', 'CHG4')
    expect([notes.updated, notes.errors]).toEqual([
      false,
      ['Portwarden: there is no target with the externalId not-there: GET /v1/targets lists them'],
    ])
  })
})

/** Runs the script in a process of its own, with a RESTMessageV2 that uses curl. */
async function runServiceNow(item: string, number = 'CHG3') {
  const path = join(directory, `${number}.json`)
  const shim = `
    const { readFileSync, writeFileSync } = require('node:fs')
    const { execFileSync } = require('node:child_process')
    const { runInNewContext } = require('node:vm')
    const notes = { updated: false, errors: [] }
    class RESTMessageV2 {
      headers = []
      setEndpoint(url) { this.url = url }
      setHttpMethod(method) { this.method = method }
      setRequestHeader(name, value) { this.headers.push('-H', name + ': ' + value) }
      setHttpTimeout(ms) { this.seconds = ms / 1000 }
      setRequestBody(body) { this.body = body }
      execute() {
        const argv = ['-sS', '-m', String(this.seconds), '-X', this.method, ...this.headers, '-w', '\\n%{http_code}', this.url]
        const text = execFileSync('curl', this.body ? [...argv, '--data-binary', this.body] : argv, { encoding: 'utf8' })
        const at = text.lastIndexOf('\\n')
        return { getBody: () => text.slice(0, at), getStatusCode: () => Number(text.slice(at + 1)) }
      }
    }
    const properties = JSON.parse(process.env.PROPERTIES)
    const current = {
      getValue: (field) => ({ number: ${JSON.stringify(number)}, cmdb_ci: ${JSON.stringify(item)} })[field],
      update() { notes.updated = true; notes.work_notes = this.work_notes },
    }
    const gs = { getProperty: (name) => properties[name], error: (text) => notes.errors.push(text) }
    runInNewContext(readFileSync(process.argv[1], 'utf8'), { gs, current, previous: null, sn_ws: { RESTMessageV2 } })
    writeFileSync(process.argv[2], JSON.stringify(notes))`
  const properties = { 'portwarden.url': url, 'portwarden.key': service.key, 'portwarden.policy': ports.name }
  const env = { PATH: process.env.PATH, PROPERTIES: JSON.stringify(properties) }
  const { code, stderr } = await run(process.execPath, ['-e', shim, join(examples, 'servicenow-audit.js'), path], {
    env,
  })
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(readFileSync(path, 'utf8')) as { updated: boolean; work_notes?: string; errors: string[] }
}

test('the ServiceNow script speaks ES5, as the Rhino engine of older applications does', () => {
  expect(read('servicenow-audit.js')).not.toMatch(/\b(const|let|class|async|await)\b|=>|`/)
  expect(runInNewContext('typeof process')).toBe('undefined')
})

test('the comment of the Jira rule reads fields that the response to its request has', async () => {
  const values: Record<string, string> = { 'issue.key': 'CHG5', 'issue.Affected server': 'epp-01' }
  const filled = read('jira-automation.json')
    .replaceAll(/\{\{(\w[^}]*)\}\}/g, (whole, name) => values[name] ?? whole)
    .replace('REPLACE_WITH_KEY', service.key)
  const [rule] = JSON.parse(filled).rules
  const [request, comment] = rule.components.map(({ value }: { value: object }) => value)
  const response = await fetch(url + new URL(request.url).pathname, {
    method: request.method,
    headers: request.headers.map(({ name, value }: { name: string; value: string }) => [name, value]),
    body: JSON.stringify({ ...JSON.parse(request.customBody), policy: ports.name }),
  })
  expect(response.status).toBe(200)
  const body = (await response.json()) as Record<string, unknown>
  const shown = comment.comment.replaceAll(/\{\{webResponse\.body\.([\w.]+)\}\}/g, (_: string, path: string) =>
    String(path.split('.').reduce<unknown>((node, step) => (node as Record<string, unknown>)?.[step], body)),
  )
  expect(shown).toMatch(/^Portwarden: fail, [1-9]\d* failed \(audit [0-9a-f-]{36}\)$/)
})

test('the Power Query reads the newest audit by paths, parameters and fields that exist; its M is not run', async () => {
  const text = read('findings.pq')
  const { paths, components } = (await service.call('GET', '/openapi.json')).body
  const parametersOf = (path: string): string[] =>
    paths[path].get.parameters
      .filter((one: { in: string }) => one.in === 'query')
      .map(({ name }: { name: string }) => name)
  const [, audits = '', query = ''] = /Audit = Get\("([^"]+)", \[([^\]]+)\]\)\[items\]\{0\}\[id\]/.exec(text) ?? []
  const named: [string, string][] = [...query.matchAll(/(\w+) = "(\w+)"/g)].map(([, name = '', value = '']) => [
    name,
    value,
  ])
  expect(parametersOf(audits)).toEqual(expect.arrayContaining(named.map(([name]) => name)))
  const [, before, after] = /Get\("([^"]+)" & Audit & "([^"]+)"/.exec(text) ?? []
  expect(parametersOf(`${before}{id}${after}`)).toEqual(expect.arrayContaining(['limit', 'cursor']))
  const [, fields = ''] = /List\.Combine\(Pages\),\s+\{([^}]+)\}/.exec(text) ?? []
  const names = [...fields.matchAll(/"(\w+)"/g)].map(([, field]) => field)
  expect(names.length).toBeGreaterThan(10)
  for (const name of names) expect(components.schemas.Finding.properties).toHaveProperty(`${name}`)
  const id = await service.accept({ targets: ['epp-01'] })
  await service.ended(id)
  const newest = await service.call('GET', `${audits}?${new URLSearchParams(named)}`)
  expect(newest.body.items.map((audit: { id: string }) => audit.id)).toEqual([id])
  expect((await service.walk(`${before}${id}${after}?limit=1`)).flat().length).toBeGreaterThan(1)
})

describeWithPeers(['openssl'], 'the jobs of the Prometheus configuration', () => {
  let front: Awaited<ReturnType<typeof startTlsFront>>
  let jobs: Record<string, ScrapeJob>
  beforeAll(async () => {
    front = await startTlsFront(url)
    const credentials = join(directory, 'portwarden.key')
    await writeFile(credentials, `${await service.stores.keys.create('prometheus', ['reports:read', 'audits:run'])}\n`)
    const here: Record<string, string> = {
      'portwarden.corp.example:8443': `${front.host}:${front.port}`,
      'epp-01.corp.example:443': `127.0.0.1:${open.port}`,
      'epp-02.corp.example:443': `127.0.0.1:${await freePort()}`,
      '/etc/prometheus/portwarden-ca.pem': front.authority.caPath,
      '/etc/prometheus/portwarden.key': credentials,
    }
    const text = Object.entries(here).reduce((all, [there, one]) => all.replaceAll(there, one), read('prometheus.yml'))
    expect(text.replaceAll(/^\s*#.*$/gm, '')).not.toMatch(/corp\.example|\/etc\//)
    jobs = Object.fromEntries(parse(text).scrape_configs.map((job: ScrapeJob) => [job.job_name, job]))
  })
  afterAll(() => front?.close())

  /** The samples that Prometheus would store, by instance. */
  const scrapeAll = async (name: string) => {
    const job = jobs[name]
    if (!job) throw new Error(`there is no job ${name}`)
    const found: Record<string, Record<string, number>> = {}
    for (const { url, instance } of scrapesOf(job)) {
      const { status, type, body } = await scrape(job, url)
      expect([status, type]).toEqual([200, expect.stringMatching(/^text\/plain; version=0\.0\.4/)])
      found[instance] = readExposition(body)
    }
    return found
  }

  test('scrape the metrics of the service', async () => {
    expect(await scrapeAll('portwarden')).toEqual({
      [`${front.host}:${front.port}`]: expect.objectContaining({ portwarden_database_up: 1 }),
    })
  })

  test('probe each port through /probe, and label the series with it', async () => {
    const found = await scrapeAll('ports')
    const successes = Object.entries(found).map(([instance, samples]) => [instance, samples.probe_success])
    expect(successes).toEqual([
      [`127.0.0.1:${open.port}`, 1],
      [expect.stringMatching(/^127\.0\.0\.1:\d+$/), 0],
    ])
  })
})

describeWithPeers(['promtool'], 'the Prometheus configuration', () => {
  test('is valid for Prometheus itself', async () => {
    const { code, stdout } = await run('promtool', [
      'check',
      'config',
      '--syntax-only',
      join(examples, 'prometheus.yml'),
    ])
    expect([code, stdout]).toEqual([0, expect.stringContaining('is valid prometheus config file syntax')])
  })
})

/** The samples of a text in the format 0.0.4 of Prometheus, by series; throws at a line that is none. */
function readExposition(text: string): Record<string, number> {
  const sample = /^([a-zA-Z_:][\w:]*(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*\})?) (NaN|[+-]Inf|[-+\d.e]+)$/
  const lines = text.split('\n').filter((line) => line !== '' && !/^# (HELP|TYPE) /.test(line))
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  return Object.fromEntries(
    lines.map((line) => {
      const [, series, value] = sample.exec(line) ?? []
      if (series === undefined) throw new Error(`no sample: ${line}`)
      return [series, Number(value?.replace('Inf', 'Infinity'))]
    }),
  )
}

const [client, orval] = ['client', 'orval'].map((name) => join(examples, name)) as [string, string]
const isInstalled = (directory: string) => {
  const installed = existsSync(join(directory, 'node_modules'))
  if (!installed && process.env.CI === 'true') throw new Error(`missing: npm ci --prefix ${directory}`)
  return installed
}

describe.skipIf(!isInstalled(client))('the typed client', () => {
  test('compiles with the types of the OpenAPI document, and not with others', async () => {
    execFileSync('npm', ['run', '-s', 'check'], { cwd: client, stdio: 'pipe' })
    const path = join(client, `wrong-${process.pid}.ts`)
    await writeFile(
      path,
      `import type { components } from './portwarden.d.ts'\nexport const x: components['schemas']['Finding']['result'] = 'maybe'\n`,
    )
    try {
      const { code, stdout } = await run(join(client, 'node_modules/.bin/tsc'), [], { cwd: client })
      expect([code, stdout]).toEqual([2, expect.stringContaining(`wrong-${process.pid}.ts(2,`)])
    } finally {
      await rm(path)
    }
  })

  test('audits, and prints what fails', async () => {
    const { code, stdout, stderr } = await run(process.execPath, [
      join(client, 'audit.ts'),
      url,
      service.key,
      ports.name,
      'epp-01',
    ])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe('verdict: fail\nfail: epp-01 must-be-unreachable local open\n')
  })
})

describe.skipIf(!isInstalled(orval))('the client that orval generates', () => {
  test('compiles with the OpenAPI 3.0 document, and lists the audits of a ticket', async () => {
    execFileSync('npm', ['run', '-s', 'check'], { cwd: orval, stdio: 'pipe' })
    const audit = { policy: ports.name, targets: ['epp-01'], correlationId: 'CHG6' }
    await service.call('POST', '/v1/audits', { body: audit, headers: { prefer: 'wait=15' } })
    const argv = [join(orval, 'audits.ts'), url, service.key, 'CHG6']
    const { code, stdout, stderr } = await run(process.execPath, argv)
    expect([code, stderr, stdout]).toEqual([0, '', 'completed fail: 1 failed\n'])
  })

  test('can be generated from the OpenAPI 3.1 document too', async () => {
    const argv = ['--input', join(examples, '../openapi/openapi.json'), '--output', join(directory, 'client.ts')]
    const { code, stderr } = await run(join(orval, 'node_modules/.bin/orval'), argv, {
      cwd: directory,
      env: environment(),
    })
    expect([code, stderr]).toEqual([0, ''])
    expect(readFileSync(join(directory, 'client.ts'), 'utf8')).toContain('export const createAudit ')
  })
})
