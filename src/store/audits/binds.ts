import type { BindOutcome } from '../../domain/protocols/protocol.ts'
import { bindKeyOf } from '../../domain/seals.ts'
import { type BindAttempt, type BindClaim, type BindResult, foreignBindsCountMs } from '../../domain/vantages/binds.ts'
import type { Database } from '../db/database.ts'
import { prepared, sweep } from '../db/statements.ts'
import type { Prisma } from '../generated/client.ts'

/** A claim of a vantage in an audit. */
export type NewBind = Omit<BindClaim, 'waitMs'> & { auditId: string; vantage: string }

type AccountInAudit = Pick<NewBind, 'accounts' | 'key' | 'auditId'>

/** Longer than the longest pause after refusals. */
const retentionDays = 60

/** Binds of accounts, by keyed digests. */
export function createBindStore(db: Database, salts: readonly string[]) {
  const keys = new Set(salts.map(bindKeyOf))
  return {
    /** The key of the digests; the same in all processes with the same ledger keys. */
    salt: () => salts[0] ?? '',

    /** Whether digests are of a key that this process has. */
    hasKey: (key: string) => keys.has(key),

    /** Makes claims of all accounts wait until the transaction ends; returns the time of the database. */
    async lock(): Promise<Date> {
      await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended('portwarden binds', 0))`
      const [row] = await prepared<{ now: Date }>(db)`SELECT clock_timestamp() AS now`
      return row?.now ?? new Date(Number.NaN)
    },

    /** The binds of an account, and those with digests of another key that may be of it, newest first. */
    async ofAccount({ accounts, key, auditId }: AccountInAudit, now: Date): Promise<BindAttempt[]> {
      const foreign: Prisma.BindAttemptWhereInput = {
        key: { not: key },
        AND: [
          { OR: [{ auditId }, { startedAt: { gt: new Date(now.getTime() - foreignBindsCountMs) } }] },
          { OR: [{ outcome: null }, { outcome: { not: 'accepted' } }] },
        ],
      }
      const rows = await db.bindAttempt.findMany({
        where: { OR: [{ accounts: { hasSome: [...accounts] } }, foreign] },
        orderBy: [{ startedAt: 'desc' }, { id: 'desc' }],
      })
      return rows.map(({ id: _id, key: _key, accounts: names, outcome, ...row }) => ({
        ...row,
        isForeign: !names.some((name) => accounts.includes(name)),
        outcome: outcome as BindOutcome | null,
      }))
    },

    /** Notes a permitted bind; returns its id. */
    async begin({ leaseMs, ...bind }: NewBind, now: Date): Promise<string> {
      const leasedUntil = new Date(now.getTime() + leaseMs)
      const { id } = await db.bindAttempt.create({ data: { ...bind, startedAt: now, leasedUntil } })
      return id
    },

    /** Notes what became of a bind; false where the vantage has none without a result. An accepted one replaces those of other audits. */
    async settle({ id, vantage }: { id: string; vantage: string }, { outcome, reason }: BindResult): Promise<boolean> {
      const where = { id, vantage, outcome: null }
      if (outcome === 'unsent') return (await db.bindAttempt.deleteMany({ where })).count > 0
      const { count } = await db.bindAttempt.updateMany({ where, data: { outcome, reason: reason ?? null } })
      if (count > 0 && outcome === 'accepted')
        await db.$executeRaw`
          DELETE FROM bind_attempt old USING bind_attempt new
          WHERE new.id = ${id}::uuid AND old.accounts = new.accounts AND old.credential = new.credential
            AND old.outcome = 'accepted' AND old.audit_id <> new.audit_id AND old.started_at < new.started_at`
      return count > 0
    },

    async dropOld(): Promise<void> {
      await sweep(db)`DELETE FROM bind_attempt WHERE started_at < now() - make_interval(days => ${retentionDays}::int)`
    },
  }
}
