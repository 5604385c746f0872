import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Check } from '../../src/probes/engine/check.ts'
import { hostile, startHostile } from '../support/peers/hostile.ts'
import { startHttps } from '../support/peers/https.ts'
import type { ManyProbes, ManyProbesOutcome } from '../support/probe-many.ts'
import { mustRun } from '../support/processes.ts'

const program = new URL('../support/probe-many.ts', import.meta.url).pathname
const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
/** The Node options of the service, which bound short-lived garbage. */
const nodeOptions: string[] = manifest.scripts.start.split(' ').filter((word: string) => word.startsWith('--'))

const concurrency = 32
const timeoutMs = 400

async function probeMany(checks: Check[]): Promise<ManyProbesOutcome> {
  const request: ManyProbes = { checks, warmUp: 2_000, count: 10_000, concurrency, timeoutMs }
  return JSON.parse(await mustRun(process.execPath, [...nodeOptions, program], { input: JSON.stringify(request) }))
}

const checksOf = (host: string, port: number): Check[] => [
  { probe: 'tcp', host, port, options: {} },
  { probe: 'tls', host, port, options: {} },
  { probe: 'https', host, port, options: {} },
  { probe: 'ssh', host, port, options: {} },
  { probe: 'ldap', host, port, options: {} },
]

test('10,000 probes of hostile peers leave no socket and less than 50 MiB behind', { timeout: 300_000 }, async () => {
  await using garbage = await startHostile(hostile.garbage)
  await using http = await startHostile(hostile.http)
  await using smtp = await startHostile(hostile.smtp)
  await using reset = await startHostile(['reset'])
  await using end = await startHostile(['end'])
  const outcome = await probeMany([garbage, http, smtp, reset, end].flatMap(({ host, port }) => checksOf(host, port)))
  expect(outcome).toMatchObject({ openSockets: 0, failures: [] })
  expect(outcome.grownMiB).toBeLessThan(50)
})

test('10,000 probes of a well-behaved TLS server leave no socket and less than 50 MiB behind', {
  timeout: 300_000,
}, async () => {
  await using server = await startHttps()
  const { host, port } = server
  const outcome = await probeMany([
    { probe: 'tls', host, port, options: {} },
    { probe: 'https', host, port, options: {} },
  ])
  expect(outcome).toMatchObject({ openSockets: 0, failures: [] })
  expect(outcome.grownMiB).toBeLessThan(50)
})
