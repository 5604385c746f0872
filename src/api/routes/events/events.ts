import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { isEverything } from '../../../store/query/target-scope.ts'
import type { FeedEvent } from '../../../store/webhooks/event-feed.ts'
import type { ServerParts, View } from '../../context.ts'
import { sendProblem } from '../../http/problems.ts'
import { problems } from '../../openapi/responses.ts'
import { hasEnded, showAudit } from '../audits/audits.ts'

const eventStream = 'text/event-stream'
/** How often a stream checks that its credentials are valid. */
const checkEveryMs = 2_000
/** A proxy takes a connection on which nothing comes for dead. */
const heartbeatMs = 15_000
const reconnectMs = 5_000

type EventParts = Pick<ServerParts, 'notifications' | 'pages'>

/** What a stream needs of its request. */
interface Following {
  view: View
  isLimited: boolean
  /** The id of the last event that the client has. */
  known: string | undefined
  signal: AbortSignal
  isStillValid(): Promise<boolean>
}

export const eventRoutes: FastifyPluginAsyncTypebox<EventParts> = async (app, { notifications, pages }) => {
  const closing = new AbortController()
  app.addHook('preClose', async () => closing.abort())

  /** The data of an event; undefined where it is about nothing that the caller may see. */
  async function dataOf(
    { type, subject, data }: FeedEvent,
    { view, isLimited }: Following,
  ): Promise<object | undefined> {
    const { stores } = view
    if (type === 'audit.completed') {
      const audit = await stores.audits.find(subject)
      return audit && hasEnded(audit) ? { audit: showAudit(audit), auditUrl: pages.audit(subject) } : undefined
    }
    if (!isLimited) return data ?? {}
    if (type.startsWith('window.')) return (await stores.windows.find(subject)) && (data ?? {})
    if (type.startsWith('schedule.')) return (await stores.schedules.find(subject)) && (data ?? {})
    return undefined // vantages are of no team
  }

  async function* follow(following: Following): AsyncGenerator<string, void, undefined> {
    const { known, signal, isStillValid } = following
    const { events } = notifications
    const resumed = known === undefined ? events.end() : events.after(known)
    let position = resumed ?? events.end()
    let sentAt = performance.now()
    yield `retry: ${reconnectMs}\n\n${resumed === undefined ? missed : ''}`
    while (!signal.aborted && (await isStillValid())) {
      const changed = events.wait(checkEveryMs, signal)
      for (let event = events.at(position); event !== undefined; event = events.at(position)) {
        if (event === 'missed') {
          position = events.end()
          yield missed
          continue
        }
        position += 1
        const data = await dataOf(event, following)
        if (data === undefined) continue
        const { id, type, at } = event
        yield `event: ${type}\nid: ${id}\ndata: ${JSON.stringify({ type, timestamp: at, data })}\n\n`
        sentAt = performance.now()
      }
      if (performance.now() - sentAt >= heartbeatMs) {
        yield ': nothing new\n\n'
        sentAt = performance.now()
      }
      await changed
    }
  }

  app.get(
    '/events',
    {
      config: { scope: ['reports:read', 'audits:run'], limited: true, background: true },
      schema: {
        operationId: 'followEvents',
        tags: ['webhooks'],
        summary: 'Stream events',
        description:
          'Sends what happens from now on: the events of webhooks but `finding.*`, `drift.detected` and `ping`, each with the body that webhooks get. A key that is limited to targets gets those about its audits, windows and schedules. With `Last-Event-ID` the stream continues after that event. The event `missed` says that events are missing: read again what you show. `data` is empty where it would exceed 7 kB. The stream ends with the credentials. Send `Accept: text/event-stream`.',
        headers: Type.Object({
          'last-event-id': Type.Optional(
            Type.String({
              maxLength: 100,
              description: 'Id of the last received event',
              examples: ['audit.completed-019b7600-0000-7000-8000-000000000001'],
            }),
          ),
        }),
        response: {
          200: {
            description: 'Events, without an end',
            content: {
              [eventStream]: {
                schema: Type.Any({
                  type: 'string',
                  examples: ['event: vantage.absent\nid: 019b7600-0000-7000-8000-000000000009\ndata: {…}\n\n'],
                }),
              },
            },
          },
          ...problems(406),
        },
      },
    },
    async (request, reply) => {
      const { headers, view, caller, isStillValid } = request
      if (!headers.accept?.includes(eventStream))
        return sendProblem(reply, { status: 406, detail: `this is a stream: send Accept: ${eventStream}` })
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const following = {
        view,
        isLimited: !isEverything(caller.targetScope),
        known: headers['last-event-id'],
        signal: AbortSignal.any([gone.signal, closing.signal]),
        isStillValid,
      }
      reply.type(eventStream).header('cache-control', 'no-store').header('x-accel-buffering', 'no')
      return reply.send(Readable.from(follow(following), { objectMode: false }))
    },
  )
}

const missed = 'event: missed\ndata: {}\n\n'
