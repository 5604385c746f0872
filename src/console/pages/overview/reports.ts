import type { Static } from 'typebox'
import type { ComplianceReport } from '../../../api/routes/reports/schemas/compliance.ts'
import type { DriftReport } from '../../../api/routes/reports/schemas/drift.ts'

export type Report = Static<typeof ComplianceReport>
export type Drift = Static<typeof DriftReport>
