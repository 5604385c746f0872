/** What a probe can say of an endpoint; the first three as nmap means them. */
export const states = ['open', 'closed', 'filtered', 'unreachable', 'unresolved', 'unknown'] as const
export type State = (typeof states)[number]
