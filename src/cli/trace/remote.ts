import { describeReference, readReference } from '../../domain/targets.ts'
import type { TraceResult } from '../../domain/traces/trace.ts'
import { UsageError } from '../command.ts'
import type { Service } from '../connection/api.ts'
import type { Request } from './options.ts'

interface Trace {
  id: string
  status: string
  vantage: string
  failure: { code: string; message: string } | null
  result: TraceResult | null
}

const wait = { headers: { prefer: 'wait=15' } }

/** Lets a vantage of a service trace a target of that name, or else a host, and waits for the result. */
export async function requestTrace(service: Service, { host, port, compare, vantage }: Request) {
  const reference = readReference(host)
  const target = await service.find<{ name: string }>(`/v1/targets/${encodeURIComponent(host)}`)
  if (!target && typeof reference !== 'string') throw new UsageError(`there is no ${describeReference(reference)}`)
  const body = {
    ...(target ? { target: target.name } : { host }),
    port,
    ...(compare !== undefined && { comparePort: compare }),
    ...(vantage !== undefined && { vantage }),
  }
  let trace = await service.json<Trace>('/v1/traces', { method: 'POST', body, ...wait })
  console.error(`portwarden: the vantage ${trace.vantage} traces`)
  while (trace.status === 'queued' || trace.status === 'running')
    trace = await service.json<Trace>(`/v1/traces/${trace.id}`, wait)
  const { result, failure } = trace
  if (result) return result
  return { failure: failure as NonNullable<Trace['failure']> }
}
