import { type Static, Type } from 'typebox'
import { emptyCell, oldestAge, resultLetters, stateLetters } from '../../../../domain/history/matrix.ts'
import { severities } from '../../../../domain/policy/policy.ts'
import { matrixOrders } from '../../../../store/history/matrix.ts'
import { LabelQuery } from '../../../listing/labels.ts'
import { PointInTimeQuery } from '../../../listing/point-in-time.ts'
import { TextQuery } from '../../../listing/text.ts'
import { Count, Counts, closedObject, nullable, PageQuery, Result, Timestamp } from '../../../openapi/schemas.ts'
import { SeriesQuery, seriesFields } from './series.ts'

const lettersOf = (letters: Readonly<Record<string, string>>) =>
  Object.entries(letters)
    .map(([word, letter]) => `\`${letter}\` ${word}`)
    .join(', ')

const Column = Type.Object(
  {
    ...seriesFields,
    zones: Type.Array(Type.String(), { description: 'Zones of the vantage, as they are now', examples: [['client']] }),
    severity: nullable(Type.Enum([...severities]), {
      description: 'Severity of the rule in the newest policy version at that time',
      examples: ['high'],
    }),
  },
  { description: 'A rule from a vantage' },
)

// OpenAPI 3.0 has no tuples.
const Row = Type.Unsafe<[target: string, cells: string]>({
  type: 'array',
  items: { type: 'string' },
  minItems: 2,
  maxItems: 2,
})

export const MatrixReport = Type.Object(
  {
    at: Timestamp('Point in time of the report', '12:00:00'),
    columns: Type.Array(Column, { description: 'The columns of all pages, by policy, rule and vantage' }),
    rows: Type.Array(Row, {
      description: `Name of the target, and two characters for each column. The first is the result: ${lettersOf(resultLetters)}; a capital says that a waiver accepts the failure, or that a window is open. The second is the state: ${lettersOf(stateLetters)}. \`${emptyCell}\` stands for no outcome`,
      examples: [[['epp-01', 'po']]],
    }),
    ages: Type.Optional(
      Type.Array(Type.String({ examples: ['0'] }), {
        description: `With \`ages\`: for each row a character for each column, the whole days since the last audit of all rules and vantages that included the target. \`${oldestAge}\` stands for so many or more, \`-\` for none among the newest 1,000 audits of the policy`,
      }),
    ),
    totals: Type.Object(
      {
        targets: Count('Number of targets', 1),
        waived: Count('Failing findings that a waiver accepts'),
        counts: Counts,
        columns: Type.Array(Counts, { description: 'Results of each column' }),
      },
      { description: 'Sums over all pages' },
    ),
    next: nullable(PageQuery.cursor, {
      description: 'Cursor of the next page; null on the last page',
      examples: [null],
    }),
  },
  { $id: 'MatrixReport', description: 'Targets by rules and vantages at a point in time' },
)
export type MatrixReport = Static<typeof MatrixReport>

export const MatrixQuery = closedObject({
  ...PointInTimeQuery,
  policy: SeriesQuery.policy,
  ...LabelQuery,
  ...TextQuery,
  result: Type.Optional({ ...Result, description: 'Only targets with such a result' }),
  disagree: Type.Boolean({
    default: false,
    description: 'Only targets with a rule that passes from one vantage and fails from another',
    examples: [true],
  }),
  ages: Type.Boolean({ default: false, description: 'Adds `ages`', examples: [true] }),
  order: Type.Enum([...matrixOrders], {
    default: 'name',
    description:
      '`name`, or `worst`: by severity of the worst failure without a waiver, number of such failures, number of findings that are unknown, error or not checked',
  }),
  limit: Type.Integer({ minimum: 1, maximum: 10_000, default: 1_000, description: 'Largest number of rows of a page' }),
  cursor: PageQuery.cursor,
})
