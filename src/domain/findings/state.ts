/** The states of endpoints; the first three are nmap's. */
export const states = ['open', 'closed', 'filtered', 'unreachable', 'unresolved', 'unknown'] as const
export type State = (typeof states)[number]
/** What a rule can allow; the other states prove nothing, so that no rule passes on them. */
export const provenStates = ['open', 'closed', 'filtered', 'unreachable'] as const satisfies readonly State[]
