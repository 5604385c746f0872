import type { PolicyDocument } from '../../domain/policy/policy.ts'
import { digest } from '../../encoding/canonical-json.ts'
import type { Database, Prisma } from '../db/database.ts'
import type { Policy as Row } from '../generated/client.ts'
import { cutPage, decodeCursor, type Page } from '../query/cursor-page.ts'

/** One immutable version of a policy. */
export interface PolicyVersion {
  name: string
  version: number
  digest: string
  document: PolicyDocument
  createdAt: string
  /** The id of the key or token that put it; null for versions of older services. */
  author: string | null
  /** Why it was put. */
  note: string | null
}
export type StoredPolicyVersion = PolicyVersion & { id: number }

/** What a version keeps beside its document. */
export interface PolicyOrigin {
  /** The YAML text, with its comments. */
  source?: string | undefined
  author?: string | undefined
  note?: string | undefined
}

/** The text is as long as the document, and seldom read. */
const omit = { source: true } as const

/** Policies by name; every change is a new version. */
export function createPolicyStore(db: Database) {
  return {
    /** The given version, or the newest. */
    async find(name: string, version?: number): Promise<StoredPolicyVersion | undefined> {
      const where = { name, ...(version === undefined ? {} : { version }) }
      const row = await db.policy.findFirst({ where, orderBy: { version: 'desc' }, omit })
      return row ? fromRow(row) : undefined
    },

    /** The YAML text of a version; null where the version was put as JSON, or by an older service. */
    async source(id: number): Promise<string | null> {
      return (await db.policy.findUniqueOrThrow({ where: { id }, select: { source: true } })).source
    },

    /** Lets no other transaction put a version of this policy until this one ends. */
    async lock(name: string): Promise<void> {
      await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`policy ${name}`}, 0))`
    },

    /** The newest version of each of these policies, by default of all, at a point in time. */
    async at(names: readonly string[] | undefined, at: Date): Promise<StoredPolicyVersion[]> {
      const where = { ...(names && { name: { in: [...names] } }), createdAt: { lte: at } }
      return (
        await db.policy.findMany({ where, distinct: ['name'], orderBy: [{ name: 'asc' }, { version: 'desc' }], omit })
      ).map(fromRow)
    },

    async findById(id: number): Promise<StoredPolicyVersion> {
      return fromRow(await db.policy.findUniqueOrThrow({ where: { id }, omit }))
    },

    /** The newest version of each policy, by name. */
    async list({ cursor, limit }: { cursor?: string; limit: number }): Promise<Page<StoredPolicyVersion>> {
      const [after = ''] = decodeCursor(cursor, ['']) ?? []
      const rows = await db.policy.findMany({
        where: { name: { gt: after } },
        distinct: ['name'],
        orderBy: [{ name: 'asc' }, { version: 'desc' }],
        take: limit + 1,
        omit,
      })
      return cutPage(rows, limit, { keyOf: (row) => [row.name], toItem: fromRow })
    },

    /** All versions of one policy, newest first. */
    async versions(name: string): Promise<StoredPolicyVersion[]> {
      return (await db.policy.findMany({ where: { name }, orderBy: { version: 'desc' }, omit })).map(fromRow)
    },

    /**
     * Adds a version, unless the newest one has the same content, and the same text where one is given. Of two concurrent calls, the
     * unique key makes the second one retry.
     */
    async put(
      document: PolicyDocument,
      origin: PolicyOrigin = {},
    ): Promise<{ stored: StoredPolicyVersion; created: boolean }> {
      const newest = await this.find(document.name)
      const sum = digest(document)
      const { source, author = null, note = null } = origin
      const isSameText = async (id: number) => source === undefined || (await this.source(id)) === source
      if (newest?.digest === sum && (await isSameText(newest.id))) return { stored: newest, created: false }
      const added = await db.policy.createManyAndReturn({
        data: {
          name: document.name,
          version: (newest?.version ?? 0) + 1,
          digest: sum,
          document: document as Prisma.InputJsonObject,
          source: source ?? null,
          author,
          note,
        },
        skipDuplicates: true,
      })
      return added[0] ? { stored: fromRow(added[0]), created: true } : this.put(document, origin)
    },

    /**
     * Adds a built-in policy where no version of it says the same, so that an operator's newer version stays the newest.
     * Returns the version that was added, if any.
     */
    async ensure(document: PolicyDocument, origin?: PolicyOrigin): Promise<StoredPolicyVersion | undefined> {
      const known = await db.policy.findFirst({ where: { name: document.name, digest: digest(document) } })
      const put = known ? undefined : await this.put(document, origin)
      return put?.created ? put.stored : undefined
    },
  }
}

const fromRow = (row: Omit<Row, 'source'>): StoredPolicyVersion => ({
  id: row.id,
  name: row.name,
  version: row.version,
  digest: row.digest,
  document: row.document as unknown as PolicyDocument,
  createdAt: row.createdAt.toISOString(),
  author: row.author,
  note: row.note,
})
