import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { firstCells, read, root } from '../support/pages.ts'
import { describeWithPeers } from '../support/peers/available.ts'
import { freePort } from '../support/ports.ts'
import { type PeerProcess, run, spawnPeer } from '../support/processes.ts'
import { startService, type TestService } from '../support/service.ts'
import { makeTempDir, type TempDir } from '../support/temp-dir.ts'

interface Rule {
  alert?: string
  record?: string
  expr: string
  labels?: { severity: string }
  annotations?: { summary: string; runbook: string }
}

const rulesFile = 'deploy/prometheus/portwarden.rules.yml'
const testsFile = 'deploy/prometheus/portwarden.rules.test.yml'
const dashboardFile = 'deploy/grafana/portwarden.json'
const rules: Rule[] = parse(read(rulesFile)).groups.flatMap(({ rules }: { rules: Rule[] }) => rules)
const alerts = rules.filter(({ alert }) => alert !== undefined)
const dashboard = JSON.parse(read(dashboardFile)) as { panels: { title: string; targets: { expr: string }[] }[] }
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
]

describe('the alerts', () => {
  test.each(alerts)(
    '$alert has a severity, a summary, a runbook, and two unit tests',
    ({ alert, labels, annotations }) => {
      expect(['warning', 'critical']).toContain(labels?.severity)
      for (const text of [annotations?.summary, annotations?.runbook]) expect(text).toMatch(/^\S.{20,}$/)
      const names = parse(read(testsFile)).tests.map(({ name }: { name: string }) => name)
      expect(names).toEqual(expect.arrayContaining([`${alert} fires`, `${alert} is silent`]))
    },
  )

  test('name settings and operations that exist in their runbooks', () => {
    const text = alerts.map(({ annotations }) => annotations?.runbook).join('\n')
    const settings = firstCells({ path: 'docs/settings.md', text: read('docs/settings.md') }).join(' ')
    for (const [name] of text.matchAll(/PORTWARDEN_[A-Z_]+/g)) expect(settings).toContain(name)
    const { paths } = JSON.parse(read('openapi/openapi.json'))
    const known = Object.keys(paths).map((path) => path.replaceAll(/\{\w+\}/g, 'ID'))
    const named = [...text.matchAll(/(?:GET|DELETE) (\/[\w/]+)/g)].map(([, path = '']) => path.replace('NAME', 'ID'))
    expect(named.length).toBeGreaterThan(8)
    expect(known).toEqual(expect.arrayContaining(named))
  })
})

describeWithPeers(['promtool'], 'promtool', () => {
  const promtool = (...argv: string[]) => run('promtool', argv, { cwd: root })

  test('finds the rules well-formed', async () => {
    expect(await promtool('check', 'rules', '--lint-fatal', rulesFile)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${rules.length} rules found`),
    })
  })

  test('passes the unit tests of the rules, and fails one whose alert has another severity', async () => {
    expect(await promtool('test', 'rules', testsFile)).toMatchObject({ code: 0 })
    const dir = await makeTempDir('rules')
    try {
      await cp(join(root, testsFile), join(dir.path, 'tests.yml'))
      await writeFile(
        join(dir.path, 'portwarden.rules.yml'),
        read(rulesFile).replace('severity: critical', 'severity: info'),
      )
      expect(await promtool('test', 'rules', join(dir.path, 'tests.yml'))).toMatchObject({ code: 1 })
    } finally {
      await dir.remove()
    }
  })
})

describeWithPeers(['prometheus'], 'a Prometheus that scrapes the service', () => {
  let service: TestService
  let dir: TempDir
  let prometheus: PeerProcess
  let url: string
  beforeAll(async () => {
    const [metrics, port] = [await freePort(), await freePort()]
    dir = await makeTempDir('prometheus')
    service = await startService({ env: { PORTWARDEN_METRICS_PORT: `${metrics}` } })
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [join(root, rulesFile)],
      scrape_configs: [{ job_name: 'portwarden', static_configs: [{ targets: [`127.0.0.1:${metrics}`] }] }],
    }
    const file = join(dir.path, 'prometheus.yml')
    await writeFile(file, JSON.stringify(config)) // JSON is YAML
    const argv = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${dir.path}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]
    prometheus = await spawnPeer('prometheus', argv, { ports: { host: '127.0.0.1', ports: [port] } })
    url = `http://127.0.0.1:${port}/api/v1`
  })
  afterAll(async () => {
    await prometheus?.end()
    await service?.stop()
    await dir?.remove()
  })

  const get = async (path: string) => ((await (await fetch(url + path)).json()) as { data: never }).data
  const readValue = async (expr: string) => {
    const { result } = (await get(`/query?query=${encodeURIComponent(expr)}`)) as {
      result: { value: [number, string] }[]
    }
    return result[0]?.value[1]
  }

  test('evaluates every rule without an error, and none of them fires for a service that is well', async () => {
    await expect.poll(() => readValue('portwarden_database_up')).toBe('1')
    const evaluated = async () => {
      const { groups } = (await get('/rules')) as {
        groups: { rules: { name: string; health: string; lastError?: string }[] }[]
      }
      return groups
        .flatMap(({ rules }) => rules.map(({ name, health, lastError = '' }) => [name, health, lastError]))
        .toSorted()
    }
    const wanted = rules.map(({ alert, record }) => [alert ?? record, 'ok', '']).toSorted()
    await expect.poll(evaluated, { timeout: 30_000 }).toEqual(wanted)
    const { alerts: active } = (await get('/alerts')) as { alerts: { state: string; labels: object }[] }
    expect(active.filter(({ state }) => state === 'firing')).toEqual([])
  })

  test('finds every metric and every label that the rules and the dashboard name', async () => {
    const text = (await service.call('GET', '/metrics')).body as string
    const exposed = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name))
    const names = expressions.flatMap(
      (expr) => expr.match(/(?<![:\w])(?:portwarden|process|nodejs)_\w+(?![:\w])/g) ?? [],
    )
    const named = new Set(names.map((name) => name.replace(/_(bucket|count)$/, '')))
    expect(named.size).toBeGreaterThan(20)
    expect([...named].filter((name) => !exposed.has(name))).toEqual([])
    const failed: string[] = []
    for (const expr of expressions) {
      const query = expr.replaceAll('$__rate_interval', '1m').replaceAll('$job', '.+')
      const response = await fetch(`${url}/query?query=${encodeURIComponent(query)}`)
      if (response.status !== 200) failed.push(`${expr}: ${await response.text()}`)
    }
    expect(failed).toEqual([])
  })
})

test('the dashboard has a title and a query in each panel, and no data source of one installation', () => {
  expect(dashboard.panels.length).toBeGreaterThan(15)
  for (const { title, targets } of dashboard.panels)
    expect([title, targets.length > 0]).toEqual([expect.stringMatching(/\S/), true])
  expect(JSON.stringify(dashboard).match(/"uid":"(?!portwarden"|\$\{datasource\}")/)).toBeNull()
})
