import { type Static, Type } from 'typebox'
import { verdicts } from '../../../domain/findings/verdict.ts'
import { searchLimit } from '../../../store/search/search.ts'
import { Count, closedObject, Fingerprint, nullable, Timestamp, Uuid } from '../../openapi/schemas.ts'
import { Certificate } from '../reports/schemas/certificates.ts'
import { seriesFields } from '../reports/schemas/series.ts'
import { TargetName } from '../targets/schemas.ts'

const { policy, rule, vantage } = seriesFields
const ticket = Type.String({ description: 'The ticket', examples: ['CHG0030001'] })
const list = <S extends Parameters<typeof Type.Object>[0]>(fields: S, what: string) =>
  Type.Array(Type.Object(fields), { description: `${what}; at most ${searchLimit}` })
const { sha256, subject, notAfter } = Certificate.properties

export const SearchResults = Type.Object(
  {
    targets: list(
      {
        name: TargetName,
        address: Type.String({ description: 'Its address', examples: ['10.20.0.11'] }),
        externalId: nullable(Type.String(), { description: 'Its id elsewhere', examples: [null] }),
      },
      'Live targets by a part of name, address or external id, or by an address to which their name resolved in their last findings',
    ),
    tickets: list(
      {
        ticket,
        audits: Count('Audits with it', 1),
        windows: Count('Windows with it'),
        lastAt: Timestamp('When the newest of them was requested'),
      },
      'Tickets by a part: of the newest 10,000 audits, and of windows; of older audits by the whole ticket',
    ),
    audits: list(
      {
        id: Uuid('Id of the audit'),
        policy,
        correlationId: nullable(ticket),
        verdict: nullable(Type.Enum([...verdicts], { examples: ['pass'] }), { description: 'Null before its end' }),
        createdAt: Timestamp('When it was requested'),
      },
      'Audits by the first four or more digits of their id',
    ),
    findings: list(
      { fingerprint: Fingerprint, target: TargetName, policy, rule, vantage },
      'Findings by the first four or more digits of their fingerprint',
    ),
    rules: list(
      { policy, rule, title: Type.String({ description: 'Title of the rule', examples: ['SSH is not reachable'] }) },
      'Rules of the newest policy versions, by a part of id or title, or of the name of the policy',
    ),
    certificates: list(
      { sha256, subject, notAfter, targets: Certificate.properties.targets },
      'Present certificates by a part of subject or names, or the first digits of the SHA-256',
    ),
  },
  { $id: 'SearchResults', description: 'What a text finds, the best match of each kind first' },
)
export type SearchResults = Static<typeof SearchResults>

export const SearchQuery = closedObject({
  q: Type.String({
    minLength: 2,
    maxLength: 200,
    pattern: '\\S',
    description: 'What to find, in upper or lower case',
    examples: ['epp'],
  }),
})
