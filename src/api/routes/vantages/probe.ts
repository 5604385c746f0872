import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NotReadyError, RefusedError } from '../../../domain/errors.ts'
import { describeHostFor, isHost } from '../../../domain/findings/endpoint.ts'
import type { AddressResult } from '../../../domain/findings/observation.ts'
import { reasons } from '../../../domain/findings/reasons.ts'
import { assess, type Module, moduleNames, modules, renderBlackbox } from '../../../report/blackbox.ts'
import type { ServerParts } from '../../context.ts'
import { problems } from '../../openapi/responses.ts'
import { closedObject } from '../../openapi/schemas.ts'

const Query = closedObject({
  target: Type.String({
    minLength: 1,
    maxLength: 300,
    description: 'Endpoint as `HOST:PORT`; an IPv6 address in brackets',
    examples: ['epp-01.corp.example:443'],
  }),
  hostname: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 253,
      description: 'Name for SNI, the check of the certificate and the Host header; the target is connected to',
      examples: ['epp-01.corp.example'],
    }),
  ),
  module: Type.Enum(moduleNames, { default: 'tcp_connect', description: 'Module of blackbox_exporter' }),
  vantage: Type.Optional(
    Type.String({
      maxLength: 100,
      description: 'A vantage of this process; default: its first vantage',
      examples: ['local'],
    }),
  ),
})
const Metrics = Type.String({
  description: 'Text format of Prometheus, version 0.0.4',
  examples: ['# TYPE probe_success gauge\nprobe_success 1\n'],
})
const scrapeTimeout = 'x-prometheus-scrape-timeout-seconds'
const Headers = Type.Object({
  [scrapeTimeout]: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 86_400,
      description: 'Timeout of the scrape; the probe ends half a second earlier',
      examples: [10],
    }),
  ),
})

/** Reserve before the scrape timeout, as in blackbox_exporter. */
const marginMs = 500
/** Reserve beyond the probe timeout; without a free socket by then the probe fails locally. */
const patienceMs = 250

export const probeRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'proberFor' | 'probeTimeoutMs'>> = async (
  app,
  { proberFor, probeTimeoutMs },
) => {
  app.get(
    '/probe',
    {
      config: { scope: 'audits:run' },
      schema: {
        operationId: 'probe',
        tags: ['operations'],
        summary: 'Probe a port',
        description:
          'Probes the first address of the target (IPv4 first) once, within the egress policy, and responds like blackbox_exporter. A failure of the target gives `probe_success 0`, a failure of this process 503, a target outside the egress policy 422.',
        querystring: Query,
        headers: Headers,
        response: {
          200: { description: 'Metrics', content: { 'text/plain': { schema: Metrics } } },
          ...problems(422),
        },
      },
    },
    async ({ query, headers }, reply) => {
      const endpoint = readTarget(query.target)
      const { hostname = endpoint.host } = query
      if (!isHost(hostname))
        throw new RefusedError([{ pointer: '/hostname', message: `must be ${describeHostFor(hostname)}` }], 'query')
      const prober = proberFor(query.vantage)
      const module: Module = modules[query.module]
      const scrapeMs = (headers[scrapeTimeout] ?? Number.POSITIVE_INFINITY) * 1000
      const timeoutMs = Math.min(probeTimeoutMs, Math.max(scrapeMs - marginMs, scrapeMs / 2))
      const startedAt = performance.now()
      let lookupMs = 0
      const once = { timeoutMs, dial: endpoint.host, resolved: (tookMs: number) => (lookupMs = tookMs) }
      const seen = await within(
        timeoutMs + patienceMs,
        prober.observe({
          probe: module.probe,
          host: hostname,
          port: endpoint.port,
          options: module.options ?? {},
          once,
        }),
      )
      const tookMs = performance.now() - startedAt
      const [addressResult] = seen.addressResults
      refuseLocalFailure(addressResult)
      const assessment = assess(module, addressResult, new Date())
      if (!assessment.success && !(await prober.isOnline())) throw new NotReadyError(reasons['vantage-offline'].message)
      return reply
        .type('text/plain; version=0.0.4; charset=utf-8')
        .send(renderBlackbox({ addressResult, assessment, lookupMs, tookMs }))
    },
  )
}

/** Throws RefusedError for what is not HOST:PORT. */
function readTarget(target: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(target) ?? []
  const host = bracketed ?? plain ?? ''
  const port = Number(digits)
  if (isHost(host) && port >= 1 && port <= 65_535) return { host, port }
  throw new RefusedError([{ pointer: '/target', message: 'must be HOST:PORT, an IPv6 address in brackets' }], 'query')
}

function refuseLocalFailure({ reason }: AddressResult): void {
  const { about, message } = reasons[reason]
  if (about === 'us') throw new NotReadyError(message)
  if (about === 'setup') throw new RefusedError([{ pointer: '/target', message }], 'query')
}

/** Rejects with NotReadyError where no socket was free in time; the probe ends by itself. */
function within<T>(ms: number, probing: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new NotReadyError('this process had no free socket for the probe in time'))
    const timer = setTimeout(giveUp, ms)
    probing.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
