import { isLocal, type OwnEndpoint } from './egress-policy.ts'
import { parseLiteral } from './ip-literal.ts'
import type { Lookup } from './resolve.ts'

/** The service's database and listeners, or an agent's server: never dialled by a probe. */
export interface OwnEndpoints {
  /** Grows over time; the unspecified address means every address of this machine. */
  readonly list: readonly OwnEndpoint[]
  /** Adds a listener of the service. */
  addListener(endpoint: OwnEndpoint): void
  /** Resolves a name now and at every refresh; an unresolvable name adds nothing. */
  addHost(host: string, port: number): Promise<void>
  /** Resolves the names again; earlier addresses stay on the list. */
  refresh(): Promise<void>
}

/** Interval between refreshes. */
export const ownNamesEveryMs = 60_000

export function createOwnEndpoints(lookup: Lookup): OwnEndpoints {
  const list: OwnEndpoint[] = []
  const hosts: { host: string; port: number }[] = []
  const add = (endpoint: OwnEndpoint) => {
    const known = list.some(({ address, port }) => address === endpoint.address && port === endpoint.port)
    if (!known) list.push(endpoint)
  }
  const resolve = async ({ host, port }: { host: string; port: number }) => {
    const addresses = parseLiteral(host) ? [host] : await lookup(host).catch(() => [])
    for (const address of addresses) {
      add({ address, port })
      const ip = parseLiteral(address)
      // A local service may listen on every address of this machine.
      if (ip && isLocal(ip)) add({ address: '0.0.0.0', port })
    }
  }
  return {
    list,
    addListener: add,
    async addHost(host, port) {
      hosts.push({ host, port })
      await resolve({ host, port })
    },
    async refresh() {
      await Promise.all(hosts.map(resolve))
    },
  }
}
