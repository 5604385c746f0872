import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Shared } from '../../../domain/flows/ends.ts'
import { draftFlows } from '../../../operations/flows/draft-flows.ts'
import { findFlows, type PolicyFlows } from '../../../operations/flows/find-flows.ts'
import { problems, unchanged } from '../../openapi/responses.ts'
import { readDraft } from '../policies/draft.ts'
import { readStanding } from './compliance.ts'
import { DraftFlowRequest, FlowQuery, FlowReport } from './schemas/flows.ts'

export const flowRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/reports/flows',
    {
      config: { scope: 'reports:read', limited: true, replica: true, etag: true },
      schema: {
        operationId: 'getFlowReport',
        tags: ['reports'],
        summary: 'Get the flows of policies',
        description:
          'Every rule from each of its zones as an edge between zones, server and other hosts, with its ports and how it stood at a point in time. Ports and hosts follow from the parameters of targets as they are now.',
        querystring: FlowQuery,
        response: { 200: FlowReport, ...unchanged, ...problems() },
      },
    },
    async ({ query, view }) => {
      const { at, filter } = readStanding(query, view.now())
      return show(at, await findFlows(view.stores, at, filter))
    },
  )

  app.post(
    '/reports/flows',
    {
      config: { scope: 'reports:read', limited: true, maxValues: 150_000 },
      schema: {
        operationId: 'previewFlows',
        tags: ['reports'],
        summary: 'Get the flows of a draft',
        description:
          'The same of a policy that is not stored, judged against stored facts as `POST /v1/policies/preview` does.',
        body: DraftFlowRequest,
        response: { 200: FlowReport, ...problems(413, 415, 422) },
      },
    },
    async ({ body, view: { stores, now } }) => {
      const document = await readDraft(stores, body.document)
      return show(now(), await draftFlows(stores, { document, targets: body.targets, now: now() }))
    },
  )
}

const show = (at: Date, { hosts, edges, ...flows }: PolicyFlows) => ({
  at: at.toISOString(),
  ...flows,
  hosts: hosts.map((host) => ({ ...host, hosts: host.hosts.map(({ value, targets }) => ({ host: value, targets })) })),
  edges: edges.map((edge) => ({ ...edge, ports: edge.ports.map(showPort) })),
})

const showPort = ({ value, targets }: Shared<number>) => ({ port: value, targets })
