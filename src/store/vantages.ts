import type { Vantage } from '../domain/plan.ts'
import type { Database } from './database.ts'

export type VantageStore = ReturnType<typeof createVantageStore>

/** The places from which probes are made. */
export function createVantageStore(db: Database) {
  return {
    /** Announces a vantage with its zones, as the configuration of its worker says now. */
    async announce({ name, zones }: Vantage): Promise<void> {
      const lastSeenAt = new Date()
      const state = { zones: [...zones], lastSeenAt }
      await db.vantage.upsert({ where: { name }, create: { name, ...state }, update: state })
    },

    /** All vantages by name; zones in which there is none are not among them. */
    async list(): Promise<Vantage[]> {
      const rows = await db.vantage.findMany({
        where: { name: { not: { startsWith: 'zone:' } } },
        orderBy: { name: 'asc' },
      })
      return rows.map(({ name, zones }) => ({ name, zones }))
    },
  }
}
