import { type Static, Type } from 'typebox'
import { endingDays, endingKinds } from '../../../../domain/history/digest.ts'
import { nameSchema } from '../../../../domain/policy/policy.ts'
import { LabelQuery } from '../../../listing/labels.ts'
import { Count, closedObject, TimeInput, Timestamp } from '../../../openapi/schemas.ts'
import { ComplianceReport } from './compliance.ts'
import { DriftSummary } from './drift.ts'
import { UnknownReport } from './unknown.ts'

const { cause, title, count, targets } = UnknownReport.properties.causes.items.properties
const { missedRuns } = ComplianceReport.properties

export const Digest = Type.Object(
  {
    from: Timestamp('Start of the period: the end of the digest before', '06:00:00'),
    to: Timestamp('End of the period', '12:00:00'),
    summary: Type.String({
      description: 'All of it in a few sentences',
      examples: ['Nothing changed since 2026-11-21 06:00 UTC. 2 audits ended. Of 13 checks, 1 fail, 0 are not known.'],
    }),
    audits: Count('Audits that ended in the period', 2),
    changes: DriftSummary,
    checks: Type.Object(
      {
        total: Count('Checks that apply', 13),
        failing: Count('Failures that no waiver accepts', 1),
        waived: Count('Failures that a waiver accepts'),
        unknown: Count('Checks without a conclusive outcome'),
      },
      { description: 'Checks at the end of the period' },
    ),
    unknown: Type.Array(Type.Object({ cause, title, count, targets }), {
      description:
        'What is not known at the end of the period, and why; causes that nothing has are left out, and so are missed runs',
    }),
    ending: Type.Object(
      {
        counts: Type.Object(
          Object.fromEntries(endingKinds.map((kind) => [kind, Count(`Items of the kind \`${kind}\``)])) as Record<
            (typeof endingKinds)[number],
            ReturnType<typeof Count>
          >,
          { description: 'Number of items by kind' },
        ),
        items: Type.Array(
          Type.Object({
            kind: Type.Enum([...endingKinds], { description: 'What ends', examples: ['waiver'] }),
            id: Type.String({
              description: 'SHA-256 of the certificate, or id of the waiver or window',
              examples: ['019b7600-0000-7000-8000-000000000003'],
            }),
            name: Type.String({ description: 'What it is for', examples: ['ssh-restricted for CHG0030001'] }),
            endsAt: Timestamp('When it ends', '23:59:59'),
          }),
          { description: 'The first 50 to end' },
        ),
      },
      { description: `What ended in the period, or ends within ${endingDays} days after it` },
    ),
    missedRuns: Type.Object(
      { total: Count('Number of ticks of schedules without an audit'), newest: missedRuns },
      { description: 'Runs of the period that were missed' },
    ),
  },
  { $id: 'Digest', description: 'What a period amounts to: what changed, what is not known, what ends soon' },
)
export type Digest = Static<typeof Digest>

export const DigestQuery = closedObject({
  from: Type.Optional(
    TimeInput('Start of the period; default: the end of the newest digest before `to`', '2026-11-21T06:00:00Z'),
  ),
  to: Type.Optional(TimeInput('End of the period; default: now', '2026-11-22T06:00:00Z', 'end')),
  policy: Type.Optional(nameSchema('Name of the policy', 'netwrix-endpoint-protector')),
  ...LabelQuery,
})
