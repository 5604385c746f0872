import { describeIcmp } from './icmp.ts'
import { summarizePath } from './path.ts'
import type { MeasuredPath, TraceResult } from './trace.ts'

/** A trace in one or two sentences: who rejected with what, how far SYNs come, and another port of the host. */
export function describeTrace({ address, path, comparison }: TraceResult): string {
  const compared = comparison && summarizePath(comparison, address).distance
  return [main(path, { address, compared }), loop(path), compare(path, { address, comparison })]
    .filter((sentence) => sentence !== '')
    .join(' ')
}

function main(path: MeasuredPath, { address, compared }: { address: string; compared: number | null }): string {
  const { reached, distance, leastDistance } = summarizePath(path, address)
  const hops = (count: number) => (compared === null || compared < count ? `at least ${count}` : `${compared}`)
  const reach = reached
    ? `SYNs reach ${reached.address}, hop ${reached.hop} of ${hops(leastDistance)}`
    : 'no hop before it responds'
  const at = distance === null ? '' : ` at hop ${distance}`
  const byHost = isNearer(distance, compared) ? 'in the name of the host' : 'by the host itself'
  switch (path.outcome) {
    case 'connected':
      return `Open${at}.`
    case 'reset':
      return `Refused with a reset${at}.`
    case 'rejected':
      if (!path.rejectedBy) return `Rejected by an ICMP message; ${reach}.`
      return path.rejectedBy.address === address
        ? `Rejected ${byHost}${at} (${describeIcmp(path.rejectedBy)}).`
        : `Rejected by ${path.rejectedBy.address} (${describeIcmp(path.rejectedBy)}); ${reach}.`
    case 'silence':
      return reached ? `No response; ${reach}.` : 'No response, and no hop on the way responds.'
    case 'unreachable':
      return 'The vantage found no neighbour for this address: its address resolution failed.'
  }
}

function loop({ loops, hops }: MeasuredPath): string {
  const address = hops.findLast((hop) => hop.address !== null)?.address
  return loops && address ? `The path loops at ${address}.` : ''
}

function compare(
  path: MeasuredPath,
  { address, comparison }: { address: string; comparison: MeasuredPath | null },
): string {
  if (comparison?.outcome !== 'connected' && comparison?.outcome !== 'reset') return ''
  const { distance } = summarizePath(comparison, address)
  const at = distance === null ? '' : ` at hop ${distance}`
  const what = `Port ${comparison.port} ${comparison.outcome === 'connected' ? 'is open' : 'refuses with a reset'}${at}`
  const does = path.outcome === 'reset' ? 'reset' : path.outcome === 'rejected' ? 'reject' : undefined
  const isOther = does !== undefined && isNearer(summarizePath(path, address).distance, distance)
  return isOther ? `${what}, so a device before the host may ${does} in its name.` : `${what}.`
}

/** Whether what came in the name of the host came from a nearer hop than the response of another port. */
const isNearer = (own: number | null, other: number | null): boolean => own !== null && other !== null && own < other
