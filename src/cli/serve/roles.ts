/** The part of the service that a process is: the API, the probes, or both. */
export type Role = 'all' | 'api' | 'worker'
export const roles: readonly Role[] = ['all', 'api', 'worker']
