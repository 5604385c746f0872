import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { NotFoundError } from '../../../domain/errors.ts'
import { proposeFirewall } from '../../../operations/firewall/propose.ts'
import { firewallFormats } from '../../../report/firewall/index.ts'
import { asFile, chooseFormat } from '../../listing/listing.ts'
import { problems } from '../../openapi/responses.ts'
import { FirewallQuery, firewallContent, firewallMediaTypes } from './firewall-schemas.ts'
import { PolicyParams } from './schemas.ts'

export const firewallRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/policies/:name/firewall',
    {
      config: { scope: 'reports:read', limited: true },
      schema: {
        operationId: 'proposeFirewall',
        tags: ['policies'],
        summary: 'Propose firewall changes',
        description:
          'The changes by which firewalls between an origin and a target would agree with the newest version of a policy, for review. Rules from other zones are left out; what is not known is named and never guessed. Sends no packet.',
        params: PolicyParams,
        querystring: FirewallQuery,
        response: { 200: firewallContent, ...problems(404, 406, 422) },
      },
    },
    async (request, reply) => {
      const { params, query, view } = request
      const format = chooseFormat(request, firewallMediaTypes)
      const policy = await view.stores.policies.find(params.name)
      if (!policy) throw new NotFoundError(`there is no policy ${params.name}`)
      const proposal = await proposeFirewall(view.stores, { policy, request: query, now: view.now() })
      if (format === 'json') return { ...proposal, at: proposal.at.toISOString() }
      const { ending, mediaType, render } = firewallFormats[format]
      return asFile(reply, `${params.name}.${ending}`)
        .type(`${mediaType}; charset=utf-8`)
        .header('vary', 'accept')
        .send(render(proposal))
    },
  )
}
