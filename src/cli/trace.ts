import { parseArgs } from 'node:util'
import { openProcessConnector } from '../app/connector.ts'
import { openLog } from '../app/log.ts'
import { readConfig } from '../config/index.ts'
import { describeHostFor, isHost } from '../domain/findings/endpoint.ts'
import { summarizePath } from '../domain/traces/path.ts'
import { describeTrace } from '../domain/traces/sentence.ts'
import { describeFailure, type MeasuredPath, type TraceFailure, type TraceResult } from '../domain/traces/trace.ts'
import { commonPorts } from '../operations/traces/request-trace.ts'
import { openBudget } from '../probes/engine/prober.ts'
import { openTracer } from '../probes/network/trace/tracer.ts'
import { runCommand, say, UsageError } from './command.ts'
import { renderTable } from './table.ts'

const usage = `usage: npm run trace -- HOST PORT [--compare PORT] [--json]

Shows the hops to a port, where it is blocked, and the path to another port of the host (default: the first of 443, 22
and 80 that responds). Needs neither the service nor its database, and no privilege.
Exit status: 0 the port is open, 1 it is not, 2 no trace was possible, or an error.`

interface Request {
  host: string
  port: number
  compare: readonly number[]
  json: boolean
}

function readRequest(argv: string[]): Request | 'help' {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      compare: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const [host, port, ...surplus] = positionals
  if (host === undefined || port === undefined || surplus.length > 0) throw new UsageError('name one host and one port')
  if (!isHost(host)) throw new UsageError(`the host must be ${describeHostFor(host)}`)
  const compare = values.compare === undefined ? commonPorts : [readPort(values.compare)]
  return { host, port: readPort(port), compare, json: values.json }
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port >= 1 && port <= 65_535) return port
  throw new UsageError('a port must be a number from 1 to 65535')
}

async function run({ json, ...order }: Request): Promise<number> {
  const config = readConfig(process.env)
  const log = openLog(process.env.PORTWARDEN_LOG_LEVEL ?? 'warn')
  await using stack = new AsyncDisposableStack()
  const connector = await openProcessConnector(stack, config, log)
  const tracer = openTracer({ ...config.vantages[0], connector, budget: openBudget(config), never: [] })
  const outcome = await tracer.trace(order)
  if ('failure' in outcome) {
    printFailure(outcome.failure, json)
    return 2
  }
  if (json) say(JSON.stringify({ summary: describeTrace(outcome), ...outcome }, null, 2))
  else print(outcome)
  return outcome.path.outcome === 'connected' ? 0 : 1
}

function printFailure(code: TraceFailure, json: boolean): void {
  const failure = describeFailure(code)
  if (json) say(JSON.stringify({ failure }, null, 2))
  else console.error(`portwarden: ${failure.message}`)
}

function print(result: TraceResult): void {
  for (const path of [result.path, ...(result.comparison ? [result.comparison] : [])]) {
    say(`Port ${path.port} of ${result.address}: ${path.outcome}`)
    say(`${renderTable(['HOP', 'ADDRESS', 'MS', ''], rowsOf(path, result.address))}\n`)
  }
  say(describeTrace(result))
}

function rowsOf(path: MeasuredPath, address: string): string[][] {
  const { lastForwarding, distance } = summarizePath(path, address)
  const hops = path.hops.map(({ hop, address, ms, others }) => [
    String(hop),
    [address ?? '*', ...others].join(', '),
    ms === null ? '' : ms.toFixed(1),
    [
      ...(hop === lastForwarding?.hop ? ['forwards last'] : []),
      ...(address !== null && address === path.rejectedBy?.address ? ['rejects'] : []),
    ].join(', '),
  ])
  return distance === null ? hops : [...hops, [String(distance), address, '', path.outcome]]
}

await runCommand(usage, readRequest, run)
