import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotFoundError } from '../../../domain/errors.ts'
import { severities } from '../../../domain/policy/policy.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { AuditCounts } from '../../openapi/schemas.ts'
import { checkFindingsKept } from './documents.ts'
import { AuditParams } from './schemas.ts'

const SummaryRow = Type.Object({
  rule: Type.String({ description: 'Id of the rule', examples: ['ssh-restricted'] }),
  title: Type.String({ description: 'Title of the rule', examples: ['SSH is not reachable from client networks'] }),
  severity: Type.Enum([...severities], { description: 'Severity of the rule', examples: ['high'] }),
  vantage: Type.String({
    description: 'Name of the vantage, or `zone:NAME` if no vantage belongs to a zone of the rule',
    examples: ['local'],
  }),
  counts: AuditCounts,
})

export const AuditSummary = Type.Object(
  { items: Type.Array(SummaryRow, { description: 'In the order of the policy, then by vantage' }) },
  { $id: 'AuditSummary', description: 'The findings of an audit by rule and vantage' },
)

export const auditSummaryRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/audits/:id/summary',
    {
      config: { scope: ['audits:run', 'reports:read'], limited: true, etag: true },
      schema: {
        operationId: 'getAuditSummary',
        tags: ['audits'],
        summary: 'Count the findings of an audit by rule',
        description:
          'Counts what is recorded so far, while the audit runs too. 409 when retention has removed the findings of an ended audit.',
        params: AuditParams,
        response: { 200: AuditSummary, ...unchanged, ...problems(404, 409) },
      },
    },
    async ({ params: { id }, view: { stores } }) => {
      const audit = await stores.audits.find(id)
      if (!audit) throw new NotFoundError(`there is no audit ${id}`)
      const counted = await stores.summaries.byRule(id)
      if (counted.length === 0) await checkFindingsKept(stores, audit)
      const { name, version } = audit.policy
      const rules = (await stores.policies.find(name, version))?.document.rules ?? []
      const items = rules.flatMap(({ id: rule, title, severity }) =>
        counted
          .filter((row) => row.rule === rule)
          .map(({ vantage, counts }) => ({ rule, title, severity, vantage, counts })),
      )
      return { items }
    },
  )
}
