import { isLocal, type OwnEndpoint } from './egress-policy.ts'
import { parseLiteral } from './ip-literal.ts'
import type { Lookup } from './resolve.ts'

/** The service's own database and listeners, which no probe may dial; for an agent its server. */
export interface OwnEndpoints {
  /** Grows as they become known; the unspecified address stands for every address of this machine. */
  readonly list: readonly OwnEndpoint[]
  /** Where the service listens. */
  addListener(endpoint: OwnEndpoint): void
  /** A name is looked up now, and at every refresh. A name without an address adds none. */
  addHost(host: string, port: number): Promise<void>
  /** Looks the names up again: an address that was given to one stays on the list. */
  refresh(): Promise<void>
}

/** How often their names are looked up again. */
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
      // What is on this machine may listen at its other addresses too.
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
