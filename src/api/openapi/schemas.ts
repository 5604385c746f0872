import { type Static, type TSchema, Type } from 'typebox'
import { results } from '../../domain/findings/judge.ts'
import { reasonCodes, reasons } from '../../domain/findings/reasons.ts'
import { states } from '../../domain/findings/state.ts'
import { nameSchema } from '../../domain/policy/policy.ts'
import { closedObject } from '../../domain/policy/shape.ts'
import { idempotencyDays } from '../../store/db/maintenance.ts'
import { type DateEdge, dateKeyword } from '../listing/rfc3339.ts'

export { closedObject }

export const nullable = <S extends TSchema>(
  schema: S,
  options: { description?: string; examples?: readonly unknown[] } = {},
) => Type.Union([schema, Type.Null()], options)

/** Gives an optional field of a request its default. */
export const withDefault = <S extends TSchema>(schema: S, value: Static<S>): S => ({ ...schema, default: value })

/** The URL of a page of the console. */
export const PageUrl = (what: string, path: string) =>
  nullable(Type.String({ format: 'uri', examples: [`https://portwarden.example.org/ui/${path}`] }), {
    description: `Page of the ${what} in the console; null without PORTWARDEN_PUBLIC_URL, or without a console`,
  })

/** A UUID; examples differ in their last digits. */
export const Uuid = (description: string, lastDigits = '0001') =>
  Type.String({
    format: 'uuid',
    maxLength: 36,
    description,
    examples: [`019b7600-0000-7000-8000-00000000${lastDigits}`],
  })

/** An RFC 3339 time of a response; all examples are of one night. */
export const Timestamp = (description: string, time = '02:00:00') =>
  Type.String({ format: 'date-time', description, examples: [`2026-11-22T${time}.000Z`] })

const edges = {
  start: 'a date stands for 00:00 UTC of that day',
  end: 'a date stands for the end of that day in UTC',
} as const satisfies Record<DateEdge, string>

/**
 * An RFC 3339 time of a request, or a date, which the validation replaces with a time: the `start` of the day where something
 * begins, its `end` where something ends.
 */
export const TimeInput = (description: string, example = '2026-11-22T02:00:00Z', edge: DateEdge = 'start') =>
  Type.String({
    format: 'date-time',
    [dateKeyword]: edge,
    maxLength: 40,
    description: `${description}; ${edges[edge]}`,
    examples: [example],
  })

export const Count = (description: string, example = 0) =>
  Type.Integer({ minimum: 0, description, examples: [example] })

export const NameParams = (example: string) => closedObject({ name: nameSchema('Name of the resource', example) })

/** The key or token that acted. */
export const Actor = (description: string, example = '0123456789ab') =>
  Type.String({ description: `${description}: the id of its key, or \`oidc:SUB\` of its token`, examples: [example] })

/** The name beside the id of an actor. */
export const ActorName = (of: string) =>
  nullable(Type.String({ examples: ['Ann Smith'] }), {
    description: `Name of \`${of}\`: of its key, or of the person at the newest sign-in; null where it has none`,
  })

export const Reason = Type.Object(
  {
    code: Type.Enum(reasonCodes, {
      description: reasonCodes.map((code) => `- \`${code}\`: ${reasons[code].message}`).join('\n'),
    }),
    message: Type.String({ description: 'The reason as a sentence that a person can act on' }),
  },
  {
    $id: 'Reason',
    description: 'Why a result or a state is what it is',
    examples: [{ code: 'as-expected', message: reasons['as-expected'].message }],
  },
)
export const Fingerprint = Type.String({
  format: 'uuid',
  description:
    'Identifies target, rule and vantage across audits, also after the target was renamed; use it as the key of a ticket',
  examples: ['5f0c3b1e-6a52-5d0e-9b7e-2d6f0c9a4e11'],
})
export const Result = Type.Enum([...results], { description: 'A result of XCCDF', examples: ['pass'] })
export const State = Type.Enum([...states], {
  description: 'State of the port; the first three as nmap defines them',
  examples: ['closed'],
})
/** The outcome of a rule. */
export const Judged = { result: Result, state: State, reason: Reason }

export const Counts = Type.Object(
  {
    pass: Count('Findings that pass', 11),
    fail: Count('Findings that fail', 1),
    unknown: Count('Findings without conclusive evidence'),
    error: Count('Findings that need an operator first, for example because a credential is missing'),
    notapplicable: Count('Findings of rules that do not apply to the target', 2),
    notchecked: Count('Findings without a vantage to probe from', 1),
  },
  { description: 'Findings by result' },
)
export const AuditCounts = Type.Object(
  { ...Counts.properties, waived: Count('Failing findings that a waiver accepts') },
  { description: 'Findings by result. A waived finding counts as `fail` here and does not affect the verdict' },
)
export const Coverage = Type.Object(
  { checked: Count('Findings that were probed', 12), notchecked: Count('Findings that were not probed', 1) },
  { description: 'How much of the scope was probed' },
)

const Cursor = (description: string) =>
  Type.String({ maxLength: 1000, description, examples: ['WyIyMDI2LTExLTIyVDAyOjAwOjAwLjAwMFoiXQ'] })

export const PageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Largest number of items of a page' }),
  cursor: Type.Optional(Cursor('The field `next` of the previous page')),
}

/** A page of a keyset listing. */
export const pageOf = <S extends TSchema>(item: S) =>
  Type.Object(
    {
      items: Type.Array(item),
      next: nullable(Cursor('Cursor of the next page'), {
        description: 'Cursor of the next page; null on the last page',
        examples: [null],
      }),
    },
    { $id: `${nameOf(item)}Page` },
  )

/** The name of a schema in the document. */
export const nameOf = (schema: TSchema): string => `${(schema as { $id?: string }).$id}`

/** On every POST that creates. */
/** Why something is ended before its time. */
export const EndReason = closedObject(
  {
    reason: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 1000,
        description: 'Why; the ledger keeps it',
        examples: ['The change was called off'],
      }),
    ),
  },
  { $id: 'EndReason', description: 'Why something is ended; the body may be left out' },
)

export const IdempotencyKey = {
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: `Repeats safely: a second request with the same key and body creates nothing and returns what the first one created. Kept for ${idempotencyDays} days`,
      examples: ['CHG0030001-1'],
    }),
  ),
}
