import { type Static, Type } from 'typebox'
import { type ReasonCode, reasonCodes } from '../findings/reasons.ts'
import { closedObject } from '../policy/shape.ts'
import { Port } from '../policy/values.ts'
import { formIds } from './forms.ts'

/** Ports of all targets from one vantage that one discovery probes. */
export const maxEndpoints = 100_000
export const maxTargets = 256

/** A range `FIRST-LAST`, or one port. */
export const PortText = Type.String({ pattern: '^\\d{1,5}(-\\d{1,5})?$', maxLength: 11 })

const TargetIndex = Type.Integer({ minimum: 0, maximum: maxTargets - 1, description: 'Position of the target' })

/** What one vantage found; the same from a worker and from an agent. */
export const Discovery = closedObject({
  observedAt: Type.String({ format: 'date-time', maxLength: 40, description: 'When the last probe ended' }),
  open: Type.Array(
    closedObject({
      target: TargetIndex,
      port: Port,
      form: Type.Enum([...formIds], { description: 'What the port was recognized as', examples: ['https'] }),
    }),
    { maxItems: maxEndpoints, description: 'The open ports, by target and port' },
  ),
  undecided: Type.Array(
    closedObject({
      target: TargetIndex,
      reason: Type.Enum<ReasonCode[]>([...reasonCodes], { description: 'Why', examples: ['no-response'] }),
      ports: Type.Integer({ minimum: 1, maximum: 65_535, description: 'Of how many ports' }),
    }),
    { maxItems: 10_000, description: 'Ports of which nothing is known' },
  ),
})
export type Discovery = Static<typeof Discovery>

/** A discovery for an agent. */
export const DiscoveryLease = closedObject({
  id: Type.String({
    format: 'uuid',
    maxLength: 36,
    description: 'Id of the proposal',
    examples: ['019b7600-0000-7000-8000-000000000008'],
  }),
  targets: Type.Array(
    closedObject({
      name: Type.String({ maxLength: 253, description: 'Name of the target', examples: ['epp-01'] }),
      address: Type.String({ maxLength: 253, description: 'IP address or host name', examples: ['10.20.0.11'] }),
    }),
    { maxItems: maxTargets, description: 'What to probe' },
  ),
  ports: Type.Array(PortText, { maxItems: 200, description: 'Ports and ranges', examples: [['1-1024']] }),
})
export type DiscoveryLease = Static<typeof DiscoveryLease>

/** What is to be probed. */
export interface DiscoveryOrder {
  targets: readonly { name: string; address: string }[]
  /** Each once, in order. */
  ports: readonly number[]
}

/** The ports of `443` and `8000-8010`, each once and in order; undefined where one is no port or no range. */
export function readPorts(texts: readonly string[]): number[] | undefined {
  const ports = new Set<number>()
  for (const text of texts) {
    const [, first = '', last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
    const [from, to] = [Number(first), Number(last)]
    if (from < 1 || to > 65_535 || from > to) return undefined
    for (let port = from; port <= to; port++) ports.add(port)
  }
  return [...ports].sort((a, b) => a - b)
}

export const discoveryFailures = ['vantage-offline', 'discovery-failed', 'deadline'] as const
export type DiscoveryFailure = (typeof discoveryFailures)[number]

/** What an agent delivers for it: a result, or why there is none. */
export const DiscoveryDelivery = Type.Union([
  closedObject({
    failure: Type.Enum([...discoveryFailures], { description: 'Why there is none', examples: ['vantage-offline'] }),
  }),
  Discovery,
])
