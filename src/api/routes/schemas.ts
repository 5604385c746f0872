import type { TSchema } from 'typebox'
import { Problem } from '../http/problems.ts'
import { Reason } from '../openapi/schemas.ts'
import { Evidence, Finding } from './audits/findings.ts'
import { Audit } from './audits/schemas.ts'
import { Waiver } from './exceptions/waivers.ts'
import { Window } from './exceptions/windows.ts'
import { Key, NewKey } from './keys.ts'
import { LedgerEntry, LedgerHead, LedgerVerification } from './ledger.ts'
import { Policy } from './policies/policies.ts'
import { Baseline } from './reports/baselines.ts'
import { ComplianceItem, ComplianceReport } from './reports/compliance.ts'
import { Control, ControlReport } from './reports/controls.ts'
import { DriftItem, DriftReport } from './reports/drift.ts'
import { FieldChange, Span } from './reports/history.ts'
import { TargetSpan } from './reports/span-feed.ts'
import { Schedule, ScheduleRun } from './schedules/schemas.ts'
import { ImportOutcome } from './targets/imports.ts'
import { Target } from './targets/schemas.ts'
import { Lease } from './vantages/leases.ts'
import { Vantage } from './vantages/vantages.ts'
import { Delivery } from './webhooks/deliveries.ts'
import { NewWebhook, Webhook } from './webhooks/schemas.ts'

/** The schemas that routes refer to by name, in the order of the OpenAPI document. */
export const namedSchemas: readonly TSchema[] = [
  Problem,
  Reason,
  Audit,
  Evidence,
  Finding,
  Target,
  FieldChange,
  Span,
  TargetSpan,
  Policy,
  DriftItem,
  DriftReport,
  Baseline,
  ComplianceItem,
  ComplianceReport,
  Control,
  ControlReport,
  Key,
  NewKey,
  Vantage,
  Lease,
  Schedule,
  ScheduleRun,
  Waiver,
  Window,
  ImportOutcome,
  LedgerEntry,
  LedgerHead,
  LedgerVerification,
  Webhook,
  NewWebhook,
  Delivery,
]
