import type { Observation } from '../../domain/findings/observation.ts'
import type { ResolvedRule } from '../../domain/policy/policy.ts'
import type { Sealer } from '../../domain/seals.ts'
import { canonicalJson } from '../../encoding/canonical-json.ts'
import { type Database, Prisma } from '../db/database.ts'
import { prepared } from '../db/statements.ts'

/** One paired finding that the end of an audit has to make; `rule` is an index into the rules beside it. */
export interface Pair {
  targetId: number
  seriesId: number
  rule: number
  vantageId: number
  /** The other side; null: the zone has no vantage. */
  others: { vantage: string; vantageId: number | null }[]
}

export interface Pairs {
  rules: ResolvedRule[]
  pairs: Pair[]
}

/** One side of a paired check. */
interface PairedCheck {
  targetId: number
  rule: string
  side: 'one' | 'other'
}

/** The observation of a paired check, stored with its batch. */
export interface PairedObservation extends PairedCheck {
  observation: Observation
}

/** The pairs of an unfinished audit, with their observations. */
export interface DuePairs extends Pairs {
  /** Whether this service wrote the pairs and the observations, as their seals prove. */
  isSealed: boolean
  observationFor(check: PairedCheck & { vantageId: number }): Observation | undefined
}

/** What paired verdicts need until the end of their audit: the plan beside the audit, what was seen beside its batch. */
export function createPairStore(db: Database, sealer: Sealer) {
  return {
    /** Stores pairs in the transaction that plans the audit. */
    async plan(auditId: string, pairs: Pairs): Promise<void> {
      const { rules, pairs: list } = pairs
      const seal = sealer.seal('pairs', pairsContent(auditId, { rules, pairs: list }))
      const data = { pairs: { rules, pairs: list, seal } as unknown as Prisma.InputJsonObject }
      await db.audit.update({ where: { id: auditId }, data })
    },

    /** Undefined for an audit without pairs or after its end. */
    async due(auditIds: readonly string[]): Promise<(DuePairs | undefined)[]> {
      // Every audit ends with this query, and most have no pairs.
      const audits = await prepared<{ id: string; pairs: Pairs & { seal?: string } }>(db)`
        SELECT id, pairs FROM audit WHERE id = ANY(${auditIds}::uuid[]) AND status = 'running' AND pairs IS NOT NULL`
      if (audits.length === 0) return auditIds.map(() => undefined)
      const { observations, unsealed } = await findObservations(audits.map(({ id }) => id))
      const due = new Map(
        audits.map(({ id, pairs: { seal, ...pairs } }) => [
          id,
          {
            ...pairs,
            isSealed: sealer.isSealed(seal, 'pairs', pairsContent(id, pairs)) && !unsealed.has(id),
            observationFor: (check: PairedCheck & { vantageId: number }) => observations.get(keyOf(id, check)),
          },
        ]),
      )
      return auditIds.map((id) => due.get(id))
    },

    /** Drops observations that the findings hold as evidence. */
    async forget(auditId: string): Promise<void> {
      await db.batch.updateMany({
        where: { auditId, pairedObservations: { not: Prisma.AnyNull } },
        data: { pairedObservations: Prisma.DbNull },
      })
      await db.audit.updateMany({ where: { id: auditId, status: { not: 'running' } }, data: { pairs: Prisma.DbNull } })
    },
  }

  /** The observations, and the audits that have some without a valid seal. */
  async function findObservations(auditIds: readonly string[]) {
    const batches = await db.batch.findMany({
      where: { auditId: { in: [...auditIds] }, pairedObservations: { not: Prisma.AnyNull } },
      select: { id: true, auditId: true, vantageId: true, pairedObservations: true, seal: true },
    })
    const unsealed = batches.filter((batch) => !sealer.isSealed(batch.seal, 'paired', pairedContent(batch)))
    const observations = new Map(
      batches.flatMap(({ auditId, vantageId, pairedObservations }) =>
        (pairedObservations as unknown as PairedObservation[]).map(
          (paired) => [keyOf(auditId, { ...paired, vantageId }), paired.observation] as const,
        ),
      ),
    )
    return { observations, unsealed: new Set(unsealed.map(({ auditId }) => auditId)) }
  }
}

const keyOf = (auditId: string, { targetId, rule, side, vantageId }: PairedCheck & { vantageId: number }) =>
  JSON.stringify([auditId, targetId, rule, side, vantageId])

const plain = (value: unknown) => JSON.parse(JSON.stringify(value))
const pairsContent = (auditId: string, pairs: Pairs) => canonicalJson([auditId, plain(pairs)])

/** What the seal of a recorded batch covers. */
export const pairedContent = ({
  id,
  auditId,
  pairedObservations,
}: {
  id: number
  auditId: string
  pairedObservations: unknown
}): string => canonicalJson([id, auditId, plain(pairedObservations)])
