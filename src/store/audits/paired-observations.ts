import type { Observation } from '../../domain/findings/observation.ts'
import type { ResolvedRule } from '../../domain/policy/policy.ts'
import { coalesce } from '../../runtime/coalesce.ts'
import type { Database } from '../db/database.ts'

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

/** Which look of a paired rule: of `one` side or the `other`. */
interface PairedCheck {
  targetId: number
  rule: string
  side: 'one' | 'other'
}

/** What was seen for a pair, as its batch keeps it. */
export interface PairedObservation extends PairedCheck {
  seen: Observation
}

/** The pairs of an audit that has not ended, with what was seen. */
export interface DuePairs extends Pairs {
  seenFrom(look: PairedCheck & { vantageId: number }): Observation | undefined
}

/** What paired verdicts need until the end of their audit: the plan beside the audit, what was seen beside its batch. */
export function createPairStore(db: Database) {
  const paired = coalesce(async (auditIds: readonly string[]) => {
    const rows = await db.$queryRaw<{ id: string; pairs: Pairs }[]>`
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
      const batches = await db.$queryRaw<{ vantageId: number; kept: PairedObservation[] }[]>`
        SELECT vantage_id AS "vantageId", kept FROM batch WHERE audit_id = ${auditId}::uuid AND kept IS NOT NULL`
      const seen = new Map(
        batches.flatMap(({ vantageId, kept }) => kept.map((look) => [keyOf({ ...look, vantageId }), look.seen])),
      )
      return { ...pairs, seenFrom: (look) => seen.get(keyOf(look)) }
    },

    /** Drops what an audit that has ended needs no more: its findings hold the evidence. */
    async forget(auditId: string): Promise<void> {
      await db.$executeRaw`UPDATE batch SET kept = NULL WHERE audit_id = ${auditId}::uuid AND kept IS NOT NULL`
      await db.$executeRaw`UPDATE audit SET pairs = NULL WHERE id = ${auditId}::uuid AND status <> 'running'`
    },
  }
}

const keyOf = ({ targetId, rule, side, vantageId }: PairedCheck & { vantageId: number }) =>
  JSON.stringify([targetId, rule, side, vantageId])
