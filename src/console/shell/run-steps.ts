import type { Static } from 'typebox'
import type { Audit } from '../../api/routes/audits/schemas.ts'
import type { Run } from '../../api/routes/schedules/schemas.ts'
import { get } from '../api/client.ts'
import { apiPath, uri } from '../url/parameters.ts'

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs
/** A run can end so long after it was due, and still be the next one. */
const longestRunMs = 3 * hourMs
/** How far ahead the next run is searched for. */
const aheadMs = 8 * dayMs
/** Runs whose ends are fetched: others run at the same time. */
const mostTried = 8

interface Runs {
  items: Static<typeof Run>[]
}

/** The end of the newest run before a time, in ms; undefined where there is none. */
export async function runBefore(ms: number): Promise<number | undefined> {
  const { items } = await get<Runs>(apiPath('/v1/runs', { to: new Date(ms).toISOString(), limit: 100 }))
  return firstEnd(items, (endMs) => endMs < ms)
}

/** The end of the first run that ended after a time, in ms; infinity after the newest, undefined where there is none at all. */
export async function runAfter(ms: number): Promise<number | undefined> {
  const from = new Date(ms - longestRunMs).toISOString()
  for (const to of [new Date(ms + aheadMs).toISOString(), null]) {
    const { items } = await get<Runs>(apiPath('/v1/runs', { from, to, limit: 1000 }))
    const end = await firstEnd(items.toReversed(), (endMs) => endMs > ms)
    if (end !== undefined) return end
  }
  return (await runBefore(ms + 1)) === undefined ? undefined : Number.POSITIVE_INFINITY
}

async function firstEnd(runs: Runs['items'], isWanted: (endMs: number) => boolean): Promise<number | undefined> {
  for (const id of runs.flatMap(({ audit }) => audit ?? []).slice(0, mostTried)) {
    const { finishedAt } = await get<Static<typeof Audit>>(uri`/v1/audits/${id}`)
    if (finishedAt !== null && isWanted(Date.parse(finishedAt))) return Date.parse(finishedAt)
  }
  return undefined
}
