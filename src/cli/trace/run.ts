import { openProcessConnector } from '../../app/connector.ts'
import { openLog } from '../../app/log.ts'
import { readConfig } from '../../config/index.ts'
import { describeHostFor, isHost } from '../../domain/findings/endpoint.ts'
import { summarizePath } from '../../domain/traces/path.ts'
import { describeTrace } from '../../domain/traces/sentence.ts'
import { describeFailure, type MeasuredPath, type TraceResult } from '../../domain/traces/trace.ts'
import { commonPorts } from '../../operations/traces/request-trace.ts'
import { openBudget } from '../../probes/engine/prober.ts'
import { openTracer } from '../../probes/network/trace/tracer.ts'
import { exitStatus, say, UsageError } from '../command.ts'
import { withService } from '../connection/api.ts'
import { renderTable } from '../table.ts'
import type { Request } from './options.ts'
import { requestTrace } from './remote.ts'

type Outcome = TraceResult | { failure: Failure }
interface Failure {
  code: string
  message: string
}

/** Exit status: `pass` when the port is open, `fail` when it is not, `error` when no trace was possible. */
export async function run(request: Request): Promise<number> {
  const { server, json } = request
  const outcome = server
    ? await withService({ server }, { probe: false }, (service) => requestTrace(service, request))
    : await traceFromHere(request)
  if ('failure' in outcome) {
    printFailure(outcome.failure, json)
    return exitStatus.error
  }
  if (json) say(JSON.stringify({ summary: describeTrace(outcome), ...outcome }, null, 2))
  else print(outcome)
  return outcome.path.outcome === 'connected' ? exitStatus.pass : exitStatus.fail
}

async function traceFromHere({ host, port, compare, vantage }: Request): Promise<Outcome> {
  if (!isHost(host)) throw new UsageError(`the host must be ${describeHostFor(host)}`)
  if (vantage !== undefined) throw new UsageError('--vantage is one of a service: name it with --server')
  const config = readConfig(process.env)
  const log = openLog(process.env.PORTWARDEN_LOG_LEVEL ?? 'warn')
  await using stack = new AsyncDisposableStack()
  const connector = await openProcessConnector(stack, config, log)
  const tracer = openTracer({ ...config.vantages[0], connector, budget: openBudget(config), never: [] })
  const outcome = await tracer.trace({ host, port, compare: compare === undefined ? commonPorts : [compare] })
  return 'failure' in outcome ? { failure: describeFailure(outcome.failure) } : outcome
}

function printFailure(failure: Failure, json: true | undefined): void {
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
