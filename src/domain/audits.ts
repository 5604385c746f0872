import type { AuditCounts, Verdict } from './findings/verdict.ts'

export const auditStatuses = ['queued', 'running', 'completed', 'canceled', 'failed'] as const
export type AuditStatus = (typeof auditStatuses)[number]

/** The kinds of what creates audits; the rest of a trigger names the schedule or window. */
export const triggerKinds = ['api', 'cli', 'schedule', 'window'] as const
export type TriggerKind = (typeof triggerKinds)[number]

/** An audit in API form; times are RFC 3339. */
export interface Audit {
  id: string
  status: AuditStatus
  /** Null until the audit has ended. */
  verdict: Verdict | null
  counts: AuditCounts
  progress: { done: number; total: number }
  policy: { name: string; version: number; digest: string }
  trigger: string
  /** A key id, `oidc:SUB`, `cli` or `system`. */
  requestedBy: string
  /** Of the key or the person; null for others. */
  requestedByName: string | null
  /** What was requested. */
  selection: {
    /** How many. */
    targets: number
    /** Names; empty: all. */
    vantages: string[]
    /** Ids; empty: all. */
    rules: string[]
  }
  correlationId: string | null
  reason: string | null
  /** Why the audit failed. */
  error: string | null
  createdAt: string
  /** When the audit ends at the latest; null for audits that were accepted before deadlines existed. */
  deadlineAt: string | null
  startedAt: string | null
  finishedAt: string | null
}
