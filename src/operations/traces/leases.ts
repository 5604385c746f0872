import { isIP } from 'node:net'
import { ConflictError, NotFoundError, RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import { canonicalAddress } from '../../domain/findings/endpoint.ts'
import type { MeasuredPath, TraceFailure, TraceResult } from '../../domain/traces/trace.ts'
import type { Notifications } from '../../store/db/listen.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { TakenTrace } from '../../store/traces/traces.ts'
import { lend } from '../vantages/lend.ts'

interface DeskParts {
  stores: Pick<Stores, 'traces' | 'vantages'>
  waitForTrace: Notifications['waitForTrace']
}

export type TraceDesk = ReturnType<typeof createTraceDesk>

/** Lends traces to agents, which have no database. */
export function createTraceDesk({ stores, waitForTrace }: DeskParts) {
  const checkVantage = async (vantage: string) => {
    if ((await stores.vantages.ids([vantage])).size === 0)
      throw new NotFoundError(`there is no vantage ${vantage}: PUT /v1/vantages/${vantage}`)
  }
  return {
    /** Lends a trace; where none waits, up to `waitMs` later, or undefined. */
    async lease(vantage: string, request: { waitMs: number; signal: AbortSignal }): Promise<TakenTrace | undefined> {
      await checkVantage(vantage)
      return lend(
        {
          take: async () => (await stores.traces.take(vantage, 1))[0],
          handBack: ({ id }) => stores.traces.handBack(id),
          wait: (ms, signal) => waitForTrace(vantage, ms, signal),
        },
        request,
      )
    },

    /** Stores what an agent measured. Throws RefusedError for an invalid result, ConflictError where there is one already. */
    async deliver(vantage: string, id: string, outcome: TraceResult | { failure: TraceFailure }): Promise<void> {
      await checkVantage(vantage)
      const trace = await stores.traces.find(id)
      const issues = 'failure' in outcome ? [] : issuesOf(outcome)
      if (issues.length === 0 && trace?.vantage === vantage && !('failure' in outcome))
        issues.push(...contradictions(trace, outcome))
      if (issues.length > 0) throw new RefusedError(issues)
      if (!(await stores.traces.finish({ id, vantage }, outcome)))
        throw new ConflictError('the vantage has no such trace that waits for its result')
    },
  }
}

function issuesOf({ address, path, comparison }: TraceResult): ValidationIssue[] {
  return [
    ...addressIssues('/address', address),
    ...pathIssues('/path', path),
    ...(comparison ? pathIssues('/comparison', comparison) : []),
  ]
}

/** What does not belong to the trace that was leased. */
function contradictions(
  { host, port, compare }: TakenTrace,
  { address, path, comparison }: TraceResult,
): ValidationIssue[] {
  const isOther = isIP(host) !== 0 && canonicalAddress(host) !== canonicalAddress(address)
  return [
    ...(isOther ? [{ pointer: '/address', message: `must be ${host}, the host of the trace` }] : []),
    ...(path.port === port ? [] : [{ pointer: '/path/port', message: `must be ${port}` }]),
    ...(comparison && !compare.includes(comparison.port)
      ? [{ pointer: '/comparison/port', message: 'must be a port of the lease' }]
      : []),
  ]
}

function pathIssues(at: string, { outcome, rejectedBy, hops }: MeasuredPath): ValidationIssue[] {
  const isMissing = (outcome === 'rejected') !== (rejectedBy !== null)
  return [
    ...(isMissing
      ? [{ pointer: `${at}/rejectedBy`, message: 'must be the message of `rejected`, and null otherwise' }]
      : []),
    ...(rejectedBy ? addressIssues(`${at}/rejectedBy/address`, rejectedBy.address) : []),
    ...hops.flatMap(({ hop, address, others }, i) => [
      ...(hop === i + 1 ? [] : [{ pointer: `${at}/hops/${i}/hop`, message: `must be ${i + 1}` }]),
      ...(address === null ? [] : addressIssues(`${at}/hops/${i}/address`, address)),
      ...others.flatMap((other, j) => addressIssues(`${at}/hops/${i}/others/${j}`, other)),
    ]),
  ]
}

const addressIssues = (pointer: string, address: string): ValidationIssue[] =>
  isIP(address) === 0 ? [{ pointer, message: 'must be an IP address' }] : []
