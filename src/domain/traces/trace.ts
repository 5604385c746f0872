import { type Static, Type } from 'typebox'
import { type ReasonCode, reasons } from '../findings/reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Port } from '../policy/values.ts'

export const TracedPort = { ...Port, examples: [22] }

/** The longest path that is traced, as in most traceroutes. */
export const maxHops = 30

const Ip = (description: string, example: string) =>
  Type.String({ maxLength: 45, pattern: '^[0-9a-fA-F:.]+$', description, examples: [example] })

const HopNumber = (description: string, example: number) =>
  Type.Integer({ minimum: 1, maximum: maxHops, description, examples: [example] })

export const Hop = closedObject({
  hop: HopNumber('Its number, from 1', 2),
  address: Type.Union([Ip('Address of the hop', '10.20.0.11'), Type.Null()], {
    description: 'The address that reported the end of the hop limit; null if none did',
    examples: ['10.20.0.11'],
  }),
  ms: Type.Union([Type.Number({ minimum: 0, maximum: 60_000 }), Type.Null()], {
    description:
      'Shortest time to its response in milliseconds; null without one, or where a repeated SYN may have been reported',
    examples: [0.8],
  }),
  others: Type.Array(Ip('Address of a hop', '10.20.0.11'), {
    maxItems: 8,
    description: 'Further addresses at this distance: the path is load-balanced',
    examples: [[]],
  }),
})
export type Hop = Static<typeof Hop>

export const Rejection = closedObject({
  address: Ip('The sender of the message', '10.20.0.11'),
  type: Type.Integer({ minimum: 0, maximum: 255, description: 'Type of ICMP or ICMPv6', examples: [3] }),
  code: Type.Integer({ minimum: 0, maximum: 255, description: 'Code of ICMP or ICMPv6', examples: [3] }),
})
export type Rejection = Static<typeof Rejection>

/** What came back in the end. */
export const pathEnds = ['connected', 'reset', 'rejected', 'silence', 'unreachable'] as const

/** What TCP SYNs to one port, with growing hop limits, have met. */
export const MeasuredPath = closedObject({
  port: TracedPort,
  outcome: Type.Enum([...pathEnds], {
    description:
      '`connected`: the port is open; `reset`: a TCP reset in the name of the host; `rejected`: an ICMP message; `silence`: nothing; `unreachable`: address resolution failed at the vantage',
    examples: ['rejected'],
  }),
  endHop: Type.Union([Type.Integer({ minimum: 1, maximum: maxHops }), Type.Null()], {
    description: 'The smallest hop limit at which it came; null if none was measured',
    examples: [3],
  }),
  rejectedBy: Type.Union([Rejection, Type.Null()], {
    description: 'The ICMP message of `rejected`, else null',
    examples: [{ address: '10.20.0.11', type: 3, code: 3 }],
  }),
  hops: Type.Array(Hop, { maxItems: maxHops, description: 'Up to the last hop that responded' }),
  loops: Type.Boolean({ description: 'Whether packets return to a hop that they have passed', examples: [false] }),
})
export type MeasuredPath = Static<typeof MeasuredPath>

/** What a vantage measured; the same from a worker and from an agent. */
export const TraceResult = closedObject({
  address: Ip('The literal address that was traced', '10.20.0.11'),
  path: MeasuredPath,
  comparison: Type.Union([MeasuredPath, Type.Null()], {
    description: 'The path to another port of the same address that responds in its name; null without one',
    examples: [null],
  }),
})
export type TraceResult = Static<typeof TraceResult>

/** Failures that only a trace has. */
const ownFailures = {
  'trace-not-supported':
    'This vantage connects without knowledge of ICMP, so it cannot trace: that takes Linux, the optional package koffi, and PORTWARDEN_CONNECTOR unset.',
  'trace-deadline': 'No worker or agent of the vantage made the trace before its deadline.',
}

/** Reasons of probes that end a trace without a path. */
const sharedFailures = [
  'invalid-host',
  'egress-denied',
  'name-not-found',
  'dns-unavailable',
  'no-local-route',
  'descriptors-exhausted',
  'ports-exhausted',
  'local-resources',
  'local-denied',
  'local-failure',
] as const satisfies readonly ReasonCode[]

/** Why there is no path. */
export const traceFailures = [...(Object.keys(ownFailures) as (keyof typeof ownFailures)[]), ...sharedFailures]
export type TraceFailure = (typeof traceFailures)[number]

/** A trace for an agent. */
export const TraceLease = closedObject({
  id: Type.String({
    format: 'uuid',
    maxLength: 36,
    description: 'Id of the trace',
    examples: ['019b7600-0000-7000-8000-000000000007'],
  }),
  host: Type.String({ minLength: 1, maxLength: 253, description: 'IP address or host name', examples: ['10.20.0.11'] }),
  port: TracedPort,
  compare: Type.Array(TracedPort, {
    maxItems: 20,
    description: 'Ports of the host for the comparison',
    examples: [[443]],
  }),
})
export type TraceLease = Static<typeof TraceLease>

/** What an agent delivers for it: a result, or why there is none. */
export const TraceDelivery = Type.Union([
  closedObject({
    failure: Type.Enum(traceFailures, { description: 'Why there is no path', examples: ['name-not-found'] }),
  }),
  TraceResult,
])

export const describeFailure = (code: TraceFailure): { code: TraceFailure; message: string } => ({
  code,
  message: code in ownFailures ? ownFailures[code as keyof typeof ownFailures] : reasons[code as ReasonCode].message,
})

/** A failure that a reason of a probe means for a trace; every other one is a failure of the vantage. */
export const failureOf = (reason: ReasonCode): TraceFailure =>
  sharedFailures.find((code) => code === reason) ?? 'local-failure'

export const traceStatuses = ['queued', 'running', 'completed', 'failed'] as const
export type TraceStatus = (typeof traceStatuses)[number]

interface TraceTimes {
  startedAt: Date | null
  finishedAt: Date | null
  deadlineAt: Date
  failure: string | null
}

/** How a trace stands; one that was not made by its deadline has failed. */
export function traceStatus({ startedAt, finishedAt, deadlineAt, failure }: TraceTimes, now: Date): TraceStatus {
  if (finishedAt) return failure ? 'failed' : 'completed'
  if (now >= deadlineAt) return 'failed'
  return startedAt ? 'running' : 'queued'
}
