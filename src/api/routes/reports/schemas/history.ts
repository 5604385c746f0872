import { Type } from 'typebox'
import { Fingerprint, Judged, nullable, Timestamp } from '../../../openapi/schemas.ts'
import { Evidence } from '../../audits/findings.ts'
import { TargetName } from '../../targets/schemas.ts'
import { seriesFields } from './series.ts'

export const FieldChange = Type.Object(
  {
    path: Type.String({ description: 'JSON Pointer of the field', examples: ['/evidence/addresses/10.20.0.11/state'] }),
    before: Type.Unknown({ description: 'Value before; null if the field was absent', examples: ['open'] }),
    after: Type.Unknown({ description: 'Value after; null if the field is absent', examples: ['closed'] }),
  },
  { $id: 'FieldChange', description: 'A field with different values' },
)

export const Span = Type.Object(
  {
    fingerprint: Fingerprint,
    ...seriesFields,
    ...Judged,
    evidence: nullable(Evidence, { description: 'The facts that were observed; null if nothing was dialled' }),
    from: Timestamp('When the span starts'),
    to: nullable(Timestamp('When the span ends'), {
      description: 'When the span ends; null while it lasts',
      examples: [null],
    }),
    changes: Type.Array(FieldChange, { description: 'Differences from the previous span' }),
  },
  {
    $id: 'Span',
    description: 'A period in which the outcome of a rule for a target, probed from a vantage, did not change',
  },
)
export const TargetSpan = Type.Object(
  { target: TargetName, ...Span.properties },
  { $id: 'TargetSpan', description: 'A span with the name of its target' },
)
