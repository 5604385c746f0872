import { reportOf } from '../../domain/findings/absent-host.ts'
import {
  type HostResponse,
  hostAnswered,
  hostResponseOf,
  isSilent,
  responsesAt,
} from '../../domain/findings/host-response.ts'
import type { AddressResult, Observation } from '../../domain/findings/observation.ts'
import type { Check } from '../../probes/engine/check.ts'
import type { Observe } from '../../probes/engine/run-check.ts'

interface HostCheckParts {
  observe: Observe
  /** Returns the one observation that equal checks of the batch share. */
  run: (check: Check) => Promise<Observation>
  /** The checks of the batch. */
  checks: readonly Check[]
}

/**
 * Completes silent results with `hostAnswered`. What the batch shows of the companions counts; the others are dialled, each
 * once, if none has responded. So the result does not depend on how checks are split into batches.
 */
export function createHostCheck({ observe, run, checks }: HostCheckParts) {
  const byHost = Map.groupBy(checks, ({ host }) => host)
  const dialled = new Map<string, Promise<AddressResult>>()

  const dial = (address: string, port: number): Promise<AddressResult> => {
    const key = `${address} ${port}`
    const running = dialled.get(key)
    if (running) return running
    const started = observe({ probe: 'tcp', host: address, port, options: {} })
    const result = started.then(({ addressResults: [only] }) => only)
    dialled.set(key, result)
    return result
  }

  const complete = async (
    result: AddressResult,
    companions: readonly number[],
    others: readonly Observation[],
  ): Promise<AddressResult> => {
    const { address } = result
    if (!isSilent(result) || address === null) return result
    const known = responsesAt(address, companions, others)
    if (known.includes('responded')) return { ...result, hostAnswered: true }
    const unknown = companions.filter((_, i) => known[i] === undefined)
    const found = await Promise.all(unknown.map((port) => dial(address, port)))
    const responses = [...known.filter((response) => response !== undefined), ...found.map(hostResponseOf)]
    const report = responses.includes('responded') ? undefined : found.find(({ state }) => state === 'unreachable')
    return report ? { ...result, ...reportOf(report) } : withResponses(result, responses)
  }

  return async ({ host, companions }: Check, seen: Observation): Promise<Observation> => {
    if (!companions || !seen.addressResults.some(isSilent)) return seen
    const others = (byHost.get(host) ?? []).filter(({ port }) => companions.includes(port))
    const observations = await Promise.all(others.map(run))
    const addressResults = await Promise.all(
      seen.addressResults.map((result) => complete(result, companions, observations)),
    )
    return { ...seen, addressResults: addressResults as Observation['addressResults'] }
  }
}

/**
 * Completes observations that an agent delivered by themselves: agents that know no companions send no `hostAnswered`, and
 * nothing is dialled here.
 */
export function completeDelivered(
  checks: readonly Check[],
  observations: readonly (Observation | undefined)[],
): (Observation | undefined)[] {
  const delivered = observations.filter((one) => one !== undefined)
  const byHost = Map.groupBy(delivered, ({ host }) => host)
  return observations.map((seen, i) => {
    const { companions } = checks[i] ?? {}
    if (!seen || !companions || !seen.addressResults.some(isSilent)) return seen
    const others = byHost.get(seen.host) ?? []
    const addressResults = seen.addressResults.map((result) => {
      if (!isSilent(result)) return result
      const known = responsesAt(result.address, companions, others)
      return result.hostAnswered === undefined || known.includes('responded') ? withResponses(result, known) : result
    })
    return { ...seen, addressResults: addressResults as Observation['addressResults'] }
  })
}

function withResponses(result: AddressResult, responses: readonly (HostResponse | undefined)[]): AddressResult {
  const shown = hostAnswered(responses)
  return shown === undefined ? result : { ...result, hostAnswered: shown }
}
