import type { Observation } from '../../domain/findings/observation.ts'
import type { ResolvedRule } from '../../domain/policy/policy.ts'
import { coalesce } from '../../runtime/coalesce.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared } from '../db/statements.ts'

/** One paired finding that the end of an audit has to make; `rule` is an index into the rules beside it. */
export interface Pair {
  targetId: number
  seriesId: number
  rule: number
  vantageId: number
  /** The other side; without an id there is no vantage in that zone. */
  others: { vantage: string; vantageId: number | null }[]
}

export interface Pairs {
  rules: ResolvedRule[]
  pairs: Pair[]
}

/** One check of a paired rule: of `one` side or the `other`. */
interface PairedCheck {
  targetId: number
  rule: string
  side: 'one' | 'other'
}

/** What a check of a paired rule saw, stored with its batch. */
export interface PairedObservation extends PairedCheck {
  observation: Observation
}

/** The pairs of an audit that has not ended, with the observations of both sides. */
export interface DuePairs extends Pairs {
  observationFor(check: PairedCheck & { vantageId: number }): Observation | undefined
}

/** What paired verdicts need until the end of their audit: the plan beside the audit, what was seen beside its batch. */
export function createPairStore(db: Database) {
  const paired = coalesce(async (auditIds: readonly string[]) => {
    const rows = await prepared<{ id: string; pairs: Pairs }>(db)`
      SELECT id, pairs FROM audit WHERE id = ANY(${auditIds}::uuid[]) AND status = 'running' AND pairs IS NOT NULL`
    return auditIds.map((auditId) => rows.find(({ id }) => id === auditId)?.pairs)
  })
  return {
    /** Notes the pairs of an audit in the transaction that plans it. */
    async plan(auditId: string, pairs: Pairs): Promise<void> {
      await db.$executeRaw`UPDATE audit SET pairs = ${JSON.stringify(pairs)}::jsonb WHERE id = ${auditId}::uuid`
    },

    /** Undefined where the audit has none, or has ended. */
    async due(auditId: string): Promise<DuePairs | undefined> {
      const pairs = await paired(auditId)
      if (!pairs) return undefined
      const batches = await db.batch.findMany({
        where: { auditId, pairedObservations: { not: Prisma.AnyNull } },
        select: { vantageId: true, pairedObservations: true },
      })
      const observations = new Map(
        batches.flatMap(({ vantageId, pairedObservations }) =>
          (pairedObservations as unknown as PairedObservation[]).map((paired) => [
            keyOf({ ...paired, vantageId }),
            paired.observation,
          ]),
        ),
      )
      return { ...pairs, observationFor: (check) => observations.get(keyOf(check)) }
    },

    /** Drops what an audit that has ended needs no more: its findings hold the evidence. */
    async forget(auditId: string): Promise<void> {
      await db.$executeRaw`UPDATE batch SET paired_observations = NULL WHERE audit_id = ${auditId}::uuid AND paired_observations IS NOT NULL`
      await db.$executeRaw`UPDATE audit SET pairs = NULL WHERE id = ${auditId}::uuid AND status <> 'running'`
    },
  }
}

const keyOf = ({ targetId, rule, side, vantageId }: PairedCheck & { vantageId: number }) =>
  JSON.stringify([targetId, rule, side, vantageId])
