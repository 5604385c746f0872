import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { proposalOf, statusOf } from '../../../operations/learning/proposal.ts'
import { findProposal, requestProposal } from '../../../operations/learning/request-proposal.ts'
import { writeYaml } from '../../../policies/write.ts'
import { required } from '../../../runtime/required.ts'
import type { StoredDiscovery } from '../../../store/learning/discoveries.ts'
import type { ServerParts, View } from '../../context.ts'
import { findAfterWait } from '../../http/prefer.ts'
import { withActorNames } from '../../listing/actor-names.ts'
import { linkNext } from '../../listing/links.ts'
import { described, problems } from '../../openapi/responses.ts'
import { pageOf } from '../../openapi/schemas.ts'
import {
  Proposal,
  ProposalHeaders,
  ProposalParams,
  ProposalQuery,
  ProposalRequest,
  ProposalSummary,
  ProposalWaitHeaders,
} from './schemas.ts'

export const proposalRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'notifications'>> = async (
  app,
  { notifications },
) => {
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())

  /** Each notification is of one vantage, so the wait goes on until all have ended. */
  const findEnded = ({ stores, now }: View, id: string, preference: { prefer?: string; reply: FastifyReply }) =>
    findAfterWait(
      {
        find: () => findProposal(stores, id),
        hasEnded: (parts) => hasEnded(parts, now()),
        async waitForEnd(ms) {
          const until = performance.now() + ms
          for (let left = ms; left > 0; left = until - performance.now()) {
            const notified = notifications.waitForEnd(id, left, closing.signal)
            if (closing.signal.aborted || hasEnded(await findProposal(stores, id), now())) return
            await notified
          }
        },
      },
      preference,
    )

  app.post(
    '/policies/propose',
    {
      config: { scope: 'audits:run', limited: true, countsAsAudit: true },
      schema: {
        operationId: 'proposePolicy',
        tags: ['policies'],
        summary: 'Propose a policy from what is open',
        description:
          'Vantages probe the ports of the targets, within their egress policies, and recognize what speaks there. The result is a policy document with a rule for each flow, to be edited and approved by a person; nothing is stored as a policy.',
        headers: ProposalHeaders,
        body: ProposalRequest,
        response: {
          200: described('All vantages ended within the wait', Proposal),
          202: described('Accepted; poll `Location`', Proposal),
          ...problems(413, 415, 422),
        },
      },
    },
    async ({ body, headers, caller, view }, reply) => {
      const requester = { actor: caller.keyId, idempotencyKey: headers['idempotency-key'] }
      const [first] = await requestProposal(view, body, requester)
      const { id } = required(first, 'a vantage')
      const parts = await findEnded(view, id, { ...headers, reply })
      const ended = hasEnded(parts, view.now())
      reply.header('location', `/v1/proposals/${id}`)
      if (!ended) reply.header('retry-after', '1')
      return reply.code(ended ? 200 : 202).send(await show(view, parts))
    },
  )

  app.get(
    '/proposals',
    {
      config: { scope: ['audits:run', 'reports:read'], limited: true },
      schema: {
        operationId: 'listProposals',
        tags: ['policies'],
        summary: 'List proposals of policies',
        description: 'Newest first, without their documents.',
        querystring: ProposalQuery,
        response: { 200: pageOf(ProposalSummary), ...problems() },
      },
    },
    async ({ query, url, view }, reply) => {
      const page = await view.stores.discoveries.list(query)
      const items = page.items.map((parts) => summarize(parts, view.now()))
      return linkNext(reply, url, { ...page, items: await withActorNames(view.stores, items, ['requestedBy']) })
    },
  )

  app.get(
    '/proposals/:id',
    {
      config: { scope: ['audits:run', 'reports:read'], limited: true },
      schema: {
        operationId: 'getProposal',
        tags: ['policies'],
        summary: 'Get a proposal of a policy',
        params: ProposalParams,
        headers: ProposalWaitHeaders,
        response: { 200: Proposal, ...problems(404) },
      },
    },
    async ({ params, headers, view }, reply) => {
      const parts = await findEnded(view, params.id, { ...headers, reply })
      if (!hasEnded(parts, view.now())) reply.header('retry-after', '1')
      return show(view, parts)
    },
  )
}

const hasEnded = (parts: readonly StoredDiscovery[], now: Date) =>
  parts.every((part) => ['completed', 'failed'].includes(statusOf(part, now)))

async function show({ stores, now }: View, parts: readonly StoredDiscovery[]) {
  const [summary] = await withActorNames(stores, [summarize(parts, now())], ['requestedBy'])
  const { document, omitted } = hasEnded(parts, now()) ? proposalOf(parts) : { document: undefined, omitted: 0 }
  return {
    ...required(summary, 'the proposal'),
    ...{ document: document ?? null, source: document ? writeYaml(document) : null, omitted },
  }
}

function summarize(parts: readonly StoredDiscovery[], now: Date) {
  const { id, targets, ports, requestedBy, createdAt, deadlineAt } = required(parts[0], 'a vantage')
  const nameOf = (index: number) => targets[index]?.name ?? ''
  const vantages = parts.map((part) => {
    const status = statusOf(part, now)
    return {
      ...{ vantage: part.vantage, status },
      failure: part.failure ?? (status === 'failed' ? ('deadline' as const) : null),
      open: part.result?.open.length ?? 0,
      undecided: (part.result?.undecided ?? []).map(({ target, ...rest }) => ({ target: nameOf(target), ...rest })),
    }
  })
  const statuses = vantages.map(({ status }) => status)
  const open = statuses.find((status) => status === 'running' || status === 'queued')
  return {
    id,
    status: open ? (statuses.some((status) => status !== 'queued') ? ('running' as const) : open) : endOf(statuses),
    targets: targets.map(({ name }) => name),
    ...{ ports, vantages, requestedBy },
    createdAt: createdAt.toISOString(),
    deadlineAt: deadlineAt.toISOString(),
  }
}

const endOf = (statuses: readonly string[]) =>
  statuses.includes('completed') ? ('completed' as const) : ('failed' as const)
