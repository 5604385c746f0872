import type { Stores } from '../../store/db/stores.ts'

type Named<T, F extends string> = T & Record<`${F}Name`, string | null>

/** Adds the name of each actor beside its id: `requestedByName` beside `requestedBy`. */
export async function withActorNames<T extends Record<F, string | null>, F extends string>(
  { actors }: Pick<Stores, 'actors'>,
  items: readonly T[],
  fields: readonly F[],
): Promise<Named<T, F>[]> {
  const names = await actors.names(items.flatMap((item) => fields.flatMap((field) => item[field] ?? [])))
  const nameOf = (id: string | null) => (id === null ? null : (names.get(id) ?? null))
  return items.map(
    (item) => ({ ...item, ...Object.fromEntries(fields.map((f) => [`${f}Name`, nameOf(item[f])])) }) as Named<T, F>,
  )
}
