import type { Audit } from '../audits.ts'
import type { coverageOf } from '../findings/verdict.ts'
import type { Digest } from '../history/digest.ts'
import type { DriftClass } from '../history/drift.ts'
import type { RunOutcome } from '../schedules.ts'
import type { VantageKind } from '../vantages/presence.ts'
import type { Resolution, TicketFinding } from './tickets.ts'

/** Events that webhooks can subscribe to. */
export const eventTypes = [
  'audit.completed',
  'drift.detected',
  'finding.opened',
  'finding.still-open',
  'finding.resolved',
  'window.closed',
  'window.still-open',
  'vantage.absent',
  'vantage.returned',
  'schedule.missed',
  'schedule.resumed',
  'digest.daily',
] as const
export type EventType = (typeof eventTypes)[number]

/** All events: `ping` is sent on request only. */
export const allEventTypes = [...eventTypes, 'ping'] as const
export type AnyEventType = (typeof allEventTypes)[number]

/** What the end of an audit can lead to. */
export const auditEventTypes = [
  'audit.completed',
  'drift.detected',
  'finding.opened',
  'finding.still-open',
  'finding.resolved',
] as const satisfies EventType[]

/** Whether a disabled webhook gets the event once it is enabled again: neither later audits nor later digests report what it is about. */
export const waitsWhilePaused = (type: EventType): boolean =>
  type !== 'digest.daily' && !(auditEventTypes as readonly EventType[]).includes(type)

/** A finding, and its page in the console: null where people cannot open it by a URL that the service knows. */
type LinkedFinding = TicketFinding & { url: string | null }

/** What an event says of its audit. */
interface OfAudit {
  audit: string
  /** The page of the audit; null like that of a finding. */
  auditUrl: string | null
}

/** The findings of one target that share an alert. */
export interface FindingGroup {
  /** Identifies the target, even after it is renamed. */
  id: string
  /** How many of its findings fail. */
  count: number
  /** The first of these. */
  failing: readonly LinkedFinding[]
}

interface FindingData extends OfAudit {
  /** Of a group, the most severe that fails; once it is resolved, the last one. */
  finding: LinkedFinding
  /** Null: the finding has an alert of its own. */
  group: FindingGroup | null
  correlationId: string | null
}

/** Why missed ticks of a schedule need no attention any more. */
export const scheduleResolutions = ['audit', 'deleted'] as const
type ScheduleResolution = (typeof scheduleResolutions)[number]

/** Why an ended window needs no attention any more. */
export const windowResolutions = ['closed', 'notapplicable', 'out-of-scope'] as const
export type WindowResolution = (typeof windowResolutions)[number]

interface WindowData extends OfAudit {
  window: {
    id: string
    policy: string
    rules: string[]
    ticket: string
    reason: string
    from: string
    to: string
    /** How often the exposure was probed since the window ended. */
    reprobes: number
  }
  policy: string
}

export interface VantageData {
  vantage: { name: string; zones: string[]; kind: VantageKind; lastSeenAt: string }
}

/** The data of each event, as JSON. */
export interface EventData {
  ping: { webhook: string }
  'audit.completed': { audit: Audit & { coverage: ReturnType<typeof coverageOf> }; auditUrl: string | null }
  'drift.detected': OfAudit & {
    correlationId: string | null
    previous: string
    policy: string
    summary: Record<DriftClass, number>
    /** The first items of the drift report. */
    items: readonly object[]
    complete: boolean
    /** Path of the drift report. */
    report: string
  }
  'finding.opened': FindingData
  'finding.still-open': FindingData
  'finding.resolved': FindingData & { resolution: Resolution }
  'window.closed': WindowData & { resolution: WindowResolution }
  'window.still-open': WindowData
  'vantage.absent': VantageData
  'vantage.returned': VantageData
  'schedule.missed': {
    schedule: string
    policy: string
    count: number
    /** The newest of the missed ticks. */
    ticks: { dueAt: string; outcome: RunOutcome; reason: string | null }[]
  }
  'schedule.resumed': {
    schedule: string
    policy: string
    resolution: ScheduleResolution
    /** Of the first tick with an audit; null if the schedule was deleted. */
    audit: string | null
    auditUrl: string | null
    dueAt: string | null
  }
  /** `url`: its page in the console, null like that of a finding. */
  'digest.daily': Digest & { url: string | null }
}

/** The body of an event (Standard Webhooks); `type` decides the type of `data`. */
export type EventPayload<T extends AnyEventType = AnyEventType> = {
  [K in T]: { type: K; timestamp: string; data: EventData[K] }
}[T]

type KeptType = Exclude<keyof EventData, 'ping' | 'digest.daily' | (typeof auditEventTypes)[number]>
/** What the outbox keeps; URLs and read data are added when the entry is relayed. */
type OutboxData = { [T in KeptType]: Omit<EventData[T], 'auditUrl'> } & {
  'audit.completed': { hasCallback: boolean }
  /** The period, as RFC 3339 times. */
  'digest.daily': { from: string; to: string }
}

/** An event as operations publish it; `subject` is the name or id of what it is about. */
export type OutboxEvent<T extends keyof OutboxData = keyof OutboxData> = {
  [K in T]: { type: K; subject: string; data: OutboxData[K] }
}[T]
