import type { AddressResult } from '../../domain/findings/observation.ts'
import { rangesOf } from '../../domain/policy/port-set.ts'
import { maxRanges } from '../../domain/protocols/tcp.ts'
import { createLine } from '../../runtime/line.ts'

/** Ports of one set that are under way; the socket budget bounds them further. */
const concurrency = 32

type Result = AddressResult<'tcp'>

/** Probes each port of a set at one address by itself; one result has the ports of each state. */
export async function probePortSet(
  ports: readonly number[],
  probeOne: (port: number) => Promise<Result>,
): Promise<Result> {
  const results = await createLine(concurrency)(ports.length, (i) => probeOne(ports[i] as number))
  return summarize(ports, results)
}

/** What shows most of the host comes first: it gives the set its state and its reason. */
const byCertainty: readonly ((result: Result) => boolean)[] = [
  ({ state }) => state === 'open',
  ({ reason }) => reason === 'connection-refused',
  ({ address, rejectedBy }) => rejectedBy !== undefined && rejectedBy === address,
  ({ state }) => state === 'closed',
  ({ state, reason }) => state === 'filtered' && reason !== 'no-response',
  ({ state, reason }) => state === 'unknown' && reason !== 'egress-denied',
  ({ state }) => state === 'unreachable',
  ({ state }) => state === 'filtered',
]

export function summarize(ports: readonly number[], results: readonly Result[]): Result {
  const first = byCertainty.map((isFound) => results.find(isFound)).find((found) => found !== undefined)
  const deciding = first ?? results[0]
  if (!deciding) throw new RangeError('a set of ports is not empty')
  const isAway = deciding.state === 'unreachable'
  const facts: Result['facts'] = {}
  const list = (name: 'open' | 'closed' | 'filtered' | 'unreachable' | 'denied', isOf: (result: Result) => boolean) => {
    const ranges = rangesOf(ports.filter((_, i) => results[i] && isOf(results[i])))
    if (ranges.length > maxRanges) facts.omitted = [...(facts.omitted ?? []), name].sort()
    if (ranges.length > 0) facts[name] = ranges.slice(0, maxRanges)
  }
  // Senders limit their ICMP messages, so which of several ports they reject is not the same twice.
  const isMixed = results.some(({ reason }) => reason === 'no-response')
  const isRejected = ({ reason }: Result) => isMixed && reason === 'icmp-port-unreachable'
  list('open', ({ state }) => state === 'open')
  list('closed', (result) => result.state === 'closed' && !isRejected(result))
  list('filtered', (result) => !isAway && (result.state === 'filtered' || isRejected(result)))
  list('unreachable', ({ state }) => state === 'unreachable' || (isAway && state === 'filtered'))
  list('denied', ({ reason }) => reason === 'egress-denied')
  return { ...deciding, facts, attempts: results.reduce((sum, { attempts }) => sum + attempts, 0) }
}
