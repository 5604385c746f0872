import { isLocal, type OwnEndpoint } from './egress.ts'
import { parseLiteral } from './literal.ts'
import type { Lookup } from './resolve.ts'

/** The service's own database and listeners, which no probe may dial. */
export interface OwnEndpoints {
  /** Grows as they become known; the unspecified address stands for every address of this machine. */
  readonly list: readonly OwnEndpoint[]
  /** Where the service listens. */
  addListener(endpoint: OwnEndpoint): void
  /** A name is looked up now, and at every refresh. A name without an address adds none. */
  addDatabase(host: string, port: number): Promise<void>
  /** Looks the names up again: an address that was given to one stays on the list. */
  refresh(): Promise<void>
}

export function createOwnEndpoints(lookup: Lookup): OwnEndpoints {
  const list: OwnEndpoint[] = []
  const databases: { host: string; port: number }[] = []
  const add = (endpoint: OwnEndpoint) => {
    const known = list.some(({ address, port }) => address === endpoint.address && port === endpoint.port)
    if (!known) list.push(endpoint)
  }
  const resolve = async ({ host, port }: { host: string; port: number }) => {
    const addresses = parseLiteral(host) ? [host] : await lookup(host).catch(() => [])
    for (const address of addresses) {
      add({ address, port })
      const ip = parseLiteral(address)
      // A database on this machine may listen at its other addresses too.
      if (ip && isLocal(ip)) add({ address: '0.0.0.0', port })
    }
  }
  return {
    list,
    addListener: add,
    async addDatabase(host, port) {
      databases.push({ host, port })
      await resolve({ host, port })
    },
    async refresh() {
      await Promise.all(databases.map(resolve))
    },
  }
}
