import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ConflictError, RefusedError } from '../../domain/errors.ts'
import { headPattern, ledgerActions } from '../../domain/ledger.ts'
import { ledgerIssueKinds, ledgerVerdicts } from '../../store/ledger/verification.ts'
import { linkNext } from '../listing/links.ts'
import { closedObject, nullable, PageQuery, pageOf, problems, Timestamp } from '../openapi/schemas.ts'

const seq = Type.Integer({ minimum: 1, description: 'Place in the chain, from 1, without gaps' })
const sha256 = (description: string) => Type.String({ pattern: '^[0-9a-f]{64}$', description })
const keyId = Type.String({
  description: 'Names the key of the ledger that signed it; the key is never in the database',
})
const count = Type.Integer({ minimum: 0 })

export const LedgerEntry = Type.Object(
  {
    seq,
    at: Timestamp,
    actor: Type.String({
      description: 'Id of the key of the caller, or `oidc:SUB` of a token; `system` or `cli`',
      examples: ['0123456789ab'],
    }),
    action: Type.String({ examples: ['policy.put'] }),
    subject: Type.String({ description: 'Name or id of what was changed' }),
    payload: Type.Unsafe<unknown>({ type: 'object', additionalProperties: true, description: 'What is so since then' }),
    keyId,
    prev: sha256('`hash` of the entry before it; zeros in the first'),
    hash: sha256(
      'SHA-256 over the canonical JSON (RFC 8785) of `action`, `actor`, `at`, `keyId`, `payload`, `prev` and `subject`',
    ),
    mac: sha256('HMAC-SHA256 over `hash`'),
  },
  { $id: 'LedgerEntry', title: 'LedgerEntry', description: 'What happened, chained to what happened before' },
)

export const LedgerHead = Type.Object(
  {
    seq,
    hash: sha256('`hash` of the newest entry'),
    at: Timestamp,
    keyId,
    mac: sha256('HMAC-SHA256 over `head SEQ HASH`'),
    head: Type.String({ pattern: headPattern, description: 'All of it as one text; `verify` takes it' }),
  },
  {
    $id: 'LedgerHead',
    title: 'LedgerHead',
    description: 'The signed end of the chain; kept elsewhere, it shows a cut tail',
  },
)

export const LedgerVerification = Type.Object(
  {
    verdict: Type.Enum([...ledgerVerdicts], {
      description: '`unverified`: nothing is wrong, and the keys that are known here cannot check all of it',
    }),
    entries: Type.Integer({ minimum: 0, description: 'How many were checked' }),
    broken: nullable(
      Type.Object(
        {
          seq,
          kind: Type.Enum([...ledgerIssueKinds], {
            description:
              '`changed`: it does not say what was sealed; `forged`: it was made without the key; `missing`: an entry was deleted; `order`: entries changed places; `cut`: the given head is gone; `findings`: those of its audit are not what they were; `audit`: it says something else of itself, or it has ended without an entry; `policy`: a version is not what was put, or has no entry',
          }),
          message: Type.String(),
        },
        { description: 'The first broken entry; null where there is none' },
      ),
    ),
    unverified: Type.Array(Type.Object({ keyId, entries: count, firstSeq: seq }), {
      description: 'Entries that were signed by keys which are not known here',
    }),
    findings: nullable(
      Type.Object(
        { audits: count, dropped: count },
        { description: 'Audits whose findings are what they were, and whose findings retention has dropped' },
      ),
    ),
    next: nullable(Type.Integer({ minimum: 1, description: '`from` of the next part; null at the end' })),
  },
  { $id: 'LedgerVerification', title: 'LedgerVerification', description: 'Whether the chain is what it was' },
)

/** What one request may cost. */
const maxPart = { entries: 20_000, findings: 100_000 } as const
/** For auditors, who need not be able to change anything; it tells of everybody's targets, so not for a limited key. */
const config = { scope: 'reports:read' } as const

export const ledgerRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/ledger',
    {
      config,
      schema: {
        operationId: 'listLedger',
        tags: ['ledger'],
        summary: 'List ledger entries',
        querystring: closedObject({
          action: Type.Optional(Type.Enum([...ledgerActions])),
          subject: Type.Optional(Type.String({ maxLength: 253 })),
          actor: Type.Optional(Type.String({ maxLength: 200 })),
          ...PageQuery,
        }),
        response: { 200: pageOf(LedgerEntry), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => linkNext(reply, url, await view.stores.ledger.list(query)),
  )

  app.get(
    '/ledger/head',
    {
      config,
      schema: {
        operationId: 'getLedgerHead',
        tags: ['ledger'],
        summary: 'Get the head of the ledger',
        response: { 200: LedgerHead, ...problems(409) },
      },
    },
    async ({ view }) => {
      const head = await view.stores.ledger.head()
      if (!head) throw new ConflictError('the ledger is empty, which it never is by itself')
      return head
    },
  )

  app.get(
    '/ledger/verify',
    {
      config,
      schema: {
        operationId: 'verifyLedger',
        tags: ['ledger'],
        summary: 'Verify the ledger',
        description: `Names the first broken entry. A part has ${maxPart.entries} entries at the most, and with \`findings=true\` fewer once ${maxPart.findings} findings were read; \`npm run ledger -- verify\` checks all of it at once.`,
        querystring: closedObject({
          from: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, default: 1, description: 'The first entry to check' }),
          limit: Type.Integer({ minimum: 1, maximum: maxPart.entries, default: maxPart.entries }),
          head: Type.Optional(
            Type.String({ pattern: headPattern, maxLength: 200, description: 'A head that was exported before' }),
          ),
          findings: Type.Boolean({
            default: false,
            description:
              'Check each version of a policy, each audit and its findings too; with the last part, whether any has no entry',
          }),
        }),
        response: { 200: LedgerVerification, ...problems(422) },
      },
    },
    async ({ query: { from, limit, head: text, findings }, view: { stores } }) => {
      const head = text === undefined ? undefined : stores.ledger.readHead(text)
      if (text !== undefined && !head)
        throw new RefusedError([{ pointer: '/head', message: 'was not signed by the key that it names' }], 'query')
      const found = await stores.ledger.verify({ from, limit, head, findings: findings ? maxPart.findings : undefined })
      if (!found) throw new RefusedError([{ pointer: '/from', message: 'is behind the end of the ledger' }], 'query')
      return found
    },
  )
}
