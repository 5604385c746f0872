import type { GroupBy, WebhookFilter, WebhookFormat } from '../../domain/webhooks/delivery-policy.ts'
import { type EventType, waitsWhilePaused } from '../../domain/webhooks/events.ts'
import { timeOfChange } from '../db/clock.ts'
import type { Database, Prisma } from '../db/database.ts'
import type { Webhook as Row } from '../generated/client.ts'
import { aTime, cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'

/** What a caller decides of a webhook. */
export interface WebhookInput {
  url: string
  description: string | null
  events: EventType[]
  filter: WebhookFilter
  format: WebhookFormat
  /** Failures in a row that open an alert. */
  openAfter: number
  /** Whether the findings of one target share an alert; fixed when the webhook is created. */
  groupBy: GroupBy | null
  enabled: boolean
}

export interface Webhook extends WebhookInput {
  id: string
  /** Why the service disabled it; null if a person did. */
  disabledReason: string | null
  hasAuthorization: boolean
  /** Until when the secret before the last rotation signs too. */
  previousUntil: Date | null
  requestedBy: string
  version: number
  createdAt: Date
  updatedAt: Date
}

/** What only the deliverer may see, sealed. */
export interface SealedSecrets {
  secret: Uint8Array
  previousSecret: Uint8Array | null
  /** Until when it signs too. */
  previousUntil: Date | null
  authorization: Uint8Array | null
}

/** The webhook that signs requests to the `callbackUrl` of audits. */
export const callbacksId = 'callbacks'

/** Receivers of events; secrets stay sealed. */
export function createWebhookStore(db: Database) {
  return {
    async create(id: string, input: WebhookInput, more: Sealed & { requestedBy: string }): Promise<Webhook> {
      return fromRow(
        await db.webhook.create({ data: { id, ...toRow(input), ...sealed(more), requestedBy: more.requestedBy } }),
      )
    },

    /** Makes the webhook of callbacks; false where it is there already. */
    async ensureCallbacks(secret: Uint8Array): Promise<boolean> {
      const none = { url: '', description: 'Signs requests to the callbackUrl of audits', events: [], filter: {} }
      const data = { id: callbacksId, ...none, format: 'standard', enabled: true, requestedBy: 'portwarden' }
      const row = { ...data, secret: new Uint8Array(secret) }
      return (await db.webhook.createMany({ data: row, skipDuplicates: true })).count > 0
    },

    async find(id: string): Promise<Webhook | undefined> {
      const row = await db.webhook.findUnique({ where: { id } })
      return row ? fromRow(row) : undefined
    },

    /** Newest first. */
    async list({ cursor, limit }: { cursor?: string; limit: number }): Promise<Page<Webhook>> {
      const last = decodeCursor<[string, string]>(cursor, [aTime, ''])
      const before = last && { createdAt: new Date(last[0]), id: last[1] }
      const rows = await db.webhook.findMany({
        where: before && {
          OR: [{ createdAt: { lt: before.createdAt } }, { createdAt: before.createdAt, id: { lt: before.id } }],
        },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: limit + 1,
      })
      return cutPage(rows, limit, { keyOf: (row) => [row.createdAt.toISOString(), row.id], toItem: fromRow })
    },

    async all(): Promise<Webhook[]> {
      return (await db.webhook.findMany({ orderBy: { id: 'asc' } })).map(fromRow)
    },

    /** The events that a webhook gets, now or when it is enabled again. */
    async subscribedEvents(): Promise<Set<EventType>> {
      const rows = await db.webhook.findMany({ select: { events: true, enabled: true } })
      const wanted = rows.map(({ events, enabled }) => ({ events: events as EventType[], enabled }))
      return new Set(
        wanted.flatMap(({ events, enabled }) => events.filter((type) => enabled || waitsWhilePaused(type))),
      )
    },

    /** Writes all that a caller decides, if `version` is still the current one; undefined where it is not. */
    async replace(id: string, input: WebhookInput, more: { version: number; authorization?: Uint8Array | null }) {
      const { version, authorization } = more
      const changed =
        authorization === undefined ? {} : { authorization: authorization && new Uint8Array(authorization) }
      const data = {
        ...toRow(input),
        ...changed,
        disabledReason: null,
        updatedAt: await timeOfChange(db),
        version: { increment: 1 },
      }
      const [row] = await db.webhook.updateManyAndReturn({ where: { id, version }, data })
      return row && fromRow(row)
    },

    /** The receiver wants to hear nothing any more. What waits stays, for when it is enabled again. False where it was disabled before. */
    async disable(id: string, reason: string): Promise<boolean> {
      const data = {
        enabled: false,
        disabledReason: reason,
        updatedAt: await timeOfChange(db),
        version: { increment: 1 },
      }
      return (await db.webhook.updateMany({ where: { id, enabled: true }, data })).count > 0
    },

    /** Until `previousUntil` the previous secret signs too. */
    async rotate(id: string, secret: Uint8Array, previousUntil: Date): Promise<Webhook | undefined> {
      await db.$executeRaw`
        UPDATE webhook SET previous_secret = secret, previous_until = ${previousUntil}, secret = ${secret},
          updated_at = now(), version = version + 1 WHERE id = ${id}`
      return this.find(id)
    },

    /** Stores the same secrets, sealed with another key; false where they were changed since. */
    async reseal(id: string, before: SealedSecrets, after: SealedSecrets): Promise<boolean> {
      const changed = await db.$executeRaw`
        UPDATE webhook SET secret = ${after.secret}, previous_secret = ${after.previousSecret}, "authorization" = ${after.authorization}
        WHERE id = ${id} AND secret = ${before.secret} AND previous_secret IS NOT DISTINCT FROM ${before.previousSecret}
          AND "authorization" IS NOT DISTINCT FROM ${before.authorization}`
      return changed > 0
    },

    /** Removes the webhook and its deliveries. */
    async remove(id: string): Promise<void> {
      await db.webhook.deleteMany({ where: { id } })
    },

    async secrets(id: string): Promise<SealedSecrets | undefined> {
      const select = { secret: true, previousSecret: true, authorization: true, previousUntil: true }
      const row = await db.webhook.findUnique({ where: { id }, select })
      return row ?? undefined
    },

    /** Takes a webhook to oneself for a while, or keeps it; false while another delivers to it. */
    async lease(id: string, by: string, seconds: number): Promise<boolean> {
      const taken = await db.$executeRaw`
        UPDATE webhook SET leased_by = ${by}, leased_until = now() + make_interval(secs => ${seconds}::int)
        WHERE id = ${id} AND enabled AND (leased_by IS NULL OR leased_by = ${by} OR leased_until < now())`
      return taken > 0
    },

    async release(id: string, by: string): Promise<void> {
      await db.webhook.updateMany({ where: { id, leasedBy: by }, data: { leasedBy: null, leasedUntil: null } })
    },
  }
}

interface Sealed {
  secret: Uint8Array
  authorization: Uint8Array | null
}

const sealed = ({ secret, authorization }: Sealed) => ({
  secret: new Uint8Array(secret),
  authorization: authorization && new Uint8Array(authorization),
})

const toRow = ({ filter, ...input }: WebhookInput) => ({ ...input, filter: filter as Prisma.InputJsonObject })

const fromRow = (row: Row): Webhook => ({
  id: row.id,
  url: row.url,
  description: row.description,
  events: row.events as EventType[],
  filter: row.filter as WebhookFilter,
  format: row.format as WebhookFormat,
  openAfter: row.openAfter,
  groupBy: row.groupBy as GroupBy | null,
  enabled: row.enabled,
  disabledReason: row.disabledReason,
  hasAuthorization: row.authorization !== null,
  previousUntil: row.previousUntil,
  requestedBy: row.requestedBy,
  version: row.version,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
})
