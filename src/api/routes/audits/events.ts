import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Audit as StoredAudit } from '../../../domain/audits.ts'
import { NotFoundError } from '../../../domain/errors.ts'
import { findVantageProgress } from '../../../operations/vantages/progress.ts'
import type { ServerParts, View } from '../../context.ts'
import { problems } from '../../openapi/responses.ts'
import { hasEnded, showAudit } from './audits.ts'
import { AuditParams } from './schemas.ts'

const eventStream = 'text/event-stream'
/** Pause between reads of the progress; a notification reports the end. */
const pollEveryMs = 1_000
/** A proxy takes a connection on which nothing comes for dead. */
const heartbeatMs = 15_000
const reconnectMs = 2_000
/** A vantage becomes absent without any progress. */
const checkVantagesMs = 5_000

const idOf = ({ status, progress }: StoredAudit) => `${status}-${progress.done}`
const eventOf = (name: string, audit: object, id: string) =>
  `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(audit)}\n\n`

export const auditEventRoutes: FastifyPluginAsyncTypebox<Pick<ServerParts, 'notifications' | 'vantageWaitMs'>> = async (
  app,
  { notifications, vantageWaitMs },
) => {
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())

  const find = async ({ stores }: View, id: string) => {
    const audit = await stores.audits.find(id)
    if (!audit) throw new NotFoundError(`there is no audit ${id}`)
    return audit
  }

  /** The events of an audit until its end; the state that the caller knows is not repeated. */
  async function* follow(
    view: View,
    id: string,
    { known, signal, isStillValid }: { known: string; signal: AbortSignal; isStillValid(): Promise<boolean> },
  ): AsyncGenerator<string, void, undefined> {
    let sent = known
    let sentAt = performance.now()
    let waiting = ''
    let checkedAt = Number.NEGATIVE_INFINITY
    yield `retry: ${reconnectMs}\n\n`
    while (!signal.aborted && (await isStillValid())) {
      const ended = notifications.waitForEnd(id, pollEveryMs, signal)
      const audit = await find(view, id)
      if (hasEnded(audit)) return yield eventOf('ended', showAudit(audit), idOf(audit))
      const isNew = idOf(audit) !== sent
      if (isNew || performance.now() - checkedAt >= checkVantagesMs) {
        const vantages = await findVantageProgress(view.stores, audit, { now: view.now(), vantageWaitMs })
        const before = waiting
        waiting = JSON.stringify(vantages.map(({ waitsUntil }) => waitsUntil))
        checkedAt = performance.now()
        if (isNew || waiting !== before) {
          yield eventOf('progress', { ...showAudit(audit), vantages }, idOf(audit))
          sent = idOf(audit)
          sentAt = performance.now()
        }
      }
      if (performance.now() - sentAt >= heartbeatMs) {
        yield ': still going\n\n'
        sentAt = performance.now()
      }
      await ended
    }
  }

  app.get(
    '/audits/:id/events',
    {
      config: { scope: ['audits:run', 'reports:read'], limited: true },
      schema: {
        operationId: 'followAudit',
        tags: ['audits'],
        summary: 'Stream the progress of an audit',
        description:
          'Sends the event `progress` with the audit on each change of its progress, and `ended` at its end; then the stream ends. `vantages` of `progress` counts the batches of checks of each vantage: planned (`total`) and recorded (`done`); of an absent vantage with open checks it says until when the audit waits (`waitsUntil`, else null), and when it was last seen (`lastSeenAt`). A request with `Last-Event-ID` receives the current state; after `ended` the response is 204, so that an EventSource stops.',
        params: AuditParams,
        headers: Type.Object({
          'last-event-id': Type.Optional(
            Type.String({ maxLength: 100, description: 'Id of the last received event', examples: ['running-7'] }),
          ),
        }),
        response: {
          200: {
            description: 'Events until the audit has ended',
            content: {
              [eventStream]: {
                schema: Type.Any({ type: 'string', examples: ['event: progress\nid: running-7\ndata: {…}\n\n'] }),
              },
            },
          },
          204: Type.Null({ description: 'The event `ended` was sent before' }),
          ...problems(404),
        },
      },
    },
    async (request, reply) => {
      const { params, headers, view } = request
      const known = headers['last-event-id'] ?? ''
      const audit = await find(view, params.id)
      if (hasEnded(audit) && idOf(audit) === known) return reply.code(204).send(null)
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const signal = AbortSignal.any([gone.signal, closing.signal])
      reply.type(eventStream).header('cache-control', 'no-store').header('x-accel-buffering', 'no')
      return reply.send(
        Readable.from(follow(view, params.id, { known, signal, isStillValid: request.isStillValid }), {
          objectMode: false,
        }),
      )
    },
  )
}
