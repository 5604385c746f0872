/** A target by its name, or by its id in another system, such as a CMDB. */
export type TargetReference = string | { externalId: string }

/** Begins the text of a reference by external id; no name has its equals sign. */
const prefix = 'externalId='

/** The reference that a text stands for: a name, or `externalId=ID`. */
export const readReference = (text: string): TargetReference =>
  text.startsWith(prefix) ? { externalId: text.slice(prefix.length) } : text

/** The text that `readReference` reads. */
export const textOf = (reference: TargetReference): string =>
  typeof reference === 'string' ? reference : prefix + reference.externalId

/** What a message calls the target. */
export const describeReference = (reference: TargetReference): string =>
  typeof reference === 'string' ? `target ${reference}` : `target with the externalId ${reference.externalId}`

/** Why a reference by external id stands for no single target. */
export function describeAmbiguous(externalId: string, names: readonly string[]): string {
  const shown = names.length > 3 ? [...names.slice(0, 3), '…'] : names
  return `${names.length} targets have the externalId ${externalId}: ${shown.join(', ')}; name the one that is meant`
}

/** References by name, and by external id. */
export const splitReferences = (references: readonly TargetReference[]) => ({
  names: references.filter((one) => typeof one === 'string'),
  externalIds: references.flatMap((one) => (typeof one === 'string' ? [] : [one.externalId])),
})

interface Named {
  name: string
  externalId: string | null
}

/** Returns the targets that each reference stands for; `targets` may hold one of them twice. */
export function createLookup<T extends Named>(targets: readonly T[]): (reference: TargetReference) => readonly T[] {
  const byName = new Map(targets.map((target) => [target.name, target]))
  const byExternalId = Map.groupBy(byName.values(), ({ externalId }) => externalId)
  return (reference) => {
    if (typeof reference !== 'string') return byExternalId.get(reference.externalId) ?? []
    const target = byName.get(reference)
    return target ? [target] : []
  }
}
