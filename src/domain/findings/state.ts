/** The states of endpoints; the first three are nmap's. */
export const states = ['open', 'closed', 'filtered', 'unreachable', 'unresolved', 'unknown'] as const
export type State = (typeof states)[number]
