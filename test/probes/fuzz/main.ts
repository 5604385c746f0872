import { parseArgs } from 'node:util'
import { type FuzzProtocol, fuzz, fuzzProtocols } from './run.ts'

const usage = `npm run fuzz -- PROTOCOL [--runs 100000] [--seed N]      (${fuzzProtocols.join(', ')})`

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '100000' }, seed: { type: 'string', default: `${Date.now() % 1e9}` } },
})
const isKnown = (name: string | undefined): name is FuzzProtocol => fuzzProtocols.includes(name as FuzzProtocol)
const [protocol] = positionals
const [runs, seed] = [Number(values.runs), Number(values.seed)]
if (!isKnown(protocol) || !(runs > 0) || !Number.isInteger(seed)) {
  process.stderr.write(`${usage}\n`)
  process.exit(64)
}
const shown = 20
const print = (line: string) => process.stdout.write(`${line}\n`)
const startedAt = performance.now()
const report = await fuzz(protocol, { runs, seed })
for (const [outcome, count] of Object.entries(report.outcomes).sort(([, one], [, other]) => other - one))
  print(`${String(count).padStart(8)}  ${outcome}`)
const seconds = Math.round((performance.now() - startedAt) / 1000)
print(`${protocol}: ${report.runs} runs in ${seconds} s, seed ${seed}, ${report.broken.length} broken`)
for (const one of report.broken.slice(0, shown)) print(one)
process.exitCode = report.broken.length > 0 ? 1 : 0
