import { Type } from 'typebox'
import { headPattern, ledgerActions } from '../../../domain/ledger.ts'
import { ledgerIssueKinds, ledgerVerdicts } from '../../../store/ledger/verification.ts'
import { PeriodQuery } from '../../listing/period.ts'
import { Actor, ActorName, Count, closedObject, nullable, PageQuery, Timestamp, Uuid } from '../../openapi/schemas.ts'

const seq = Type.Integer({
  minimum: 1,
  description: 'Position in the chain, from 1, without gaps',
  examples: [17],
})
const sha256 = (description: string, digit: string) =>
  Type.String({ pattern: '^[0-9a-f]{64}$', description, examples: [digit.repeat(64)] })
const keyId = Type.String({
  description: 'Id of the ledger key that signed the entry; the key itself is never in the database',
  examples: ['5a3c0e9f1b7d2846'],
})
const head = `17:${'b'.repeat(64)}:5a3c0e9f1b7d2846:${'c'.repeat(64)}`

export const LedgerEntry = Type.Object(
  {
    seq,
    at: Timestamp('When the entry was written', '00:30:00'),
    actor: Type.String({
      description: 'Who acted: id of a key, `oidc:SUB` of a token, `system` or `cli`',
      examples: ['0123456789ab'],
    }),
    actorName: ActorName('actor'),
    action: Type.String({ description: 'What was done', examples: ['target.create'] }),
    subject: Type.String({ description: 'Name or id of what was changed', examples: ['epp-01'] }),
    payload: Type.Unsafe<unknown>({
      type: 'object',
      additionalProperties: true,
      description: 'The state after the change',
      examples: [{ address: '10.20.0.11' }],
    }),
    keyId,
    prev: sha256('`hash` of the previous entry; zeros in the first', 'a'),
    hash: sha256(
      'SHA-256 over the canonical JSON (RFC 8785) of `action`, `actor`, `at`, `keyId`, `payload`, `prev` and `subject`',
      'b',
    ),
    mac: sha256('HMAC-SHA256 over `hash`', 'c'),
  },
  { $id: 'LedgerEntry', description: 'A change, chained to the previous one' },
)

export const LedgerHead = Type.Object(
  {
    seq,
    hash: sha256('`hash` of the newest entry', 'b'),
    at: Timestamp('When the newest entry was written', '00:30:00'),
    keyId,
    mac: sha256('HMAC-SHA256 over `head SEQ HASH`', 'c'),
    head: Type.String({
      pattern: headPattern,
      description: 'All fields as one text, for the parameter `head` of `GET /v1/ledger/verify`',
      examples: [head],
    }),
  },
  { $id: 'LedgerHead', description: 'The signed end of the chain; a copy outside the service reveals a truncation' },
)

export const LedgerVerification = Type.Object(
  {
    verdict: Type.Enum([...ledgerVerdicts], {
      description:
        '`unverified`: nothing is wrong, and some entries were signed with keys that the service does not have',
    }),
    entries: Count('Number of entries that were checked', 17),
    broken: nullable(
      Type.Object({
        seq,
        kind: Type.Enum([...ledgerIssueKinds], {
          description: [
            'What is wrong:',
            '- `changed`: the content does not match its hash; `forged`: it was signed without the key',
            '- `missing`: an entry was deleted; `order`: entries were swapped; `cut`: the given head does not exist any more',
            '- `findings`: the findings of its audit were changed; `audit`: the audit was changed, or ended without an entry',
            '- `policy`: a policy version was changed, or has no entry',
          ].join('\n'),
        }),
        message: Type.String({ description: 'What is wrong, as a sentence' }),
      }),
      { description: 'The first broken entry; null if there is none', examples: [null] },
    ),
    unverified: Type.Array(Type.Object({ keyId, entries: Count('Number of entries'), firstSeq: seq }), {
      description: 'Entries that were signed with keys that the service does not have',
      examples: [[]],
    }),
    findings: nullable(
      Type.Object({
        audits: Count('Audits with unchanged findings', 3),
        dropped: Count('Audits whose findings were removed by retention'),
        older: Count('Of both: audits that an older version has ended, whose entries cover less'),
        adopted: Count('Objects that were there before the ledger covered them, and were not changed since'),
        unproven: Count('Audits that hold what no process with the ledger key wrote, soon after an upgrade'),
        firstUnproven: nullable(Uuid('Id of an audit', '0001'), {
          description: 'The first of these audits',
          examples: [null],
        }),
      }),
      { description: 'The audits that were checked; null without `findings=true`' },
    ),
    next: nullable(Type.Integer({ minimum: 1 }), {
      description: '`from` of the next part; null at the end',
      examples: [null],
    }),
  },
  { $id: 'LedgerVerification', description: 'Whether the chain is intact' },
)

/** Largest work of one request. */
export const maxPart = { entries: 20_000, findings: 100_000 } as const

export const LedgerQuery = closedObject({
  action: Type.Optional(Type.Enum([...ledgerActions], { description: 'What was done', examples: ['target.create'] })),
  subject: Type.Optional(
    Type.String({ maxLength: 253, description: 'Name or id of what was changed', examples: ['epp-01'] }),
  ),
  ...PeriodQuery,
  actor: Type.Optional({ ...Actor('Who acted'), maxLength: 200 } as ReturnType<typeof Actor>),
  ...PageQuery,
})
export const VerificationQuery = closedObject({
  from: Type.Integer({
    minimum: 1,
    maximum: 2 ** 31 - 1,
    default: 1,
    description: 'Position of the first entry to check',
  }),
  limit: Type.Integer({
    minimum: 1,
    maximum: maxPart.entries,
    default: maxPart.entries,
    description: 'Largest number of entries to check',
  }),
  head: Type.Optional(
    Type.String({
      pattern: headPattern,
      maxLength: 200,
      description: 'A head that was exported before',
      examples: [head],
    }),
  ),
  findings: Type.Boolean({
    default: false,
    description:
      'Checks policy versions, audits and their findings too; the last part also reports those without an entry',
  }),
})
