import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Finding } from '../../src/domain/findings/finding.ts'
import { ports } from '../support/app.ts'
import { auditCommand, environment, readOutcome } from '../support/commands.ts'
import { type Listening, listen } from '../support/listen.ts'
import { freePort } from '../support/ports.ts'
import { run } from '../support/processes.ts'
import { withDescriptors } from '../support/program.ts'
import { openTestStores, type TestStores } from '../support/stores.ts'

const openHosts = Array.from({ length: 200 }, (_, index) => `127.7.1.${index + 1}`)
const closedHosts = Array.from({ length: 1_800 }, (_, index) => `127.8.${1 + (index >> 8)}.${index & 255}`)

let stores: TestStores
let listening: Listening[]
beforeAll(async () => {
  stores = await openTestStores({ connections: 2 })
  await stores.policies.put(ports)
  const [first = '', ...others] = openHosts
  const one = await listen(createServer(), first)
  listening = [one, ...(await Promise.all(others.map((host) => listen(createServer(), host, one.port))))]
})
afterAll(async () => {
  await Promise.all(listening.map(({ close }) => close()))
  await stores.close()
})

/** Audits all of them with the command; returns the findings about ports that were probed. */
async function auditWithFiles(limit: number, connector: 'auto' | 'node'): Promise<Finding[]> {
  const params = { openPort: listening[0]?.port, closedPort: await freePort() }
  const argv = [...openHosts, ...closedHosts, '--policy', ports.name, '--json'].concat(
    Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`]),
  )
  const [command, ...limited] = withDescriptors(limit, [...auditCommand, ...argv])
  const env = { ...environment(stores.url), PORTWARDEN_CONNECTOR: connector }
  const { audit, findings } = readOutcome(await run(command, limited, { env }))
  expect(audit).toMatchObject({ status: 'completed', progress: { done: 8_000, total: 8_000 } })
  expect(audit.counts).toMatchObject({ notchecked: 2_000, notapplicable: 2_000 })
  expect(findings).toHaveLength(8_000)
  return findings.filter(({ rule }) => rule.startsWith('must-be-'))
}

function tally(findings: Finding[]): Record<string, number> {
  const groups = Map.groupBy(findings, ({ rule, state, reason }) => `${rule}: ${state}, ${reason.code}`)
  return Object.fromEntries([...groups].map(([name, { length }]) => [name, length]))
}

const truth = ({ target, rule }: Finding) => (rule === 'must-be-open' && openHosts.includes(target) ? 'open' : 'closed')
const patienceMs = 120_000

test(
  'an audit of 2,000 targets by a process that may open 200 files sees each of them as it is',
  async () => {
    expect(tally(await auditWithFiles(200, 'auto'))).toEqual({
      'must-be-open: open, as-expected': 200,
      'must-be-open: closed, connection-refused': 1_800,
      'must-be-unreachable: closed, as-expected': 2_000,
    })
  },
  patienceMs,
)

// System calls close a socket on loopback before they open the next one, so that files never run out.
test(
  'where the files do not suffice for the database and the probes: unknown, and no wrong state',
  async () => {
    const findings = await auditWithFiles(100, 'node')
    expect(findings.filter((finding) => ![truth(finding), 'unknown'].includes(finding.state))).toEqual([])
    const unknown = tally(findings.filter(({ state }) => state === 'unknown'))
    expect(Object.keys(unknown).sort()).toEqual(
      ['must-be-open', 'must-be-unreachable'].map((rule) => `${rule}: unknown, descriptors-exhausted`),
    )
  },
  patienceMs,
)
