import type { PeerKind } from '../../support/peers/available.ts'
import type { Peer } from '../../support/peers/peer.ts'
import type { Certificates } from '../certificates.ts'
import type { Listener } from '../row.ts'

/** A peer with all the sites that rows use of it. */
export interface Running extends Peer {
  at: (site: string) => Listener
}

export interface PeerStarter {
  needs: PeerKind[]
  start: (sites: readonly string[], certificates: Certificates) => Promise<Running>
}

export const running = (stop: Peer['stop'], at: Running['at']): Running => ({ stop, at, [Symbol.asyncDispose]: stop })

/** A peer that is one process for each configuration; a site is `configuration` or `configuration:port`. */
export const perConfiguration = <Started extends Peer>(
  needs: PeerKind[],
  startOne: (configuration: string, certificates: Certificates) => Promise<Started>,
  listenerOf: (started: Started, site: { port: string; account: string }, certificates: Certificates) => Listener,
): PeerStarter => ({
  needs,
  start: async (sites, certificates) => {
    const names = [...new Set(sites.map((site) => partsOf(site).configuration))]
    const started = await Promise.allSettled(names.map((name) => startOne(name, certificates)))
    const stop = async () => {
      await Promise.all(started.map((one) => (one.status === 'fulfilled' ? one.value.stop() : undefined)))
    }
    const failed = started.find((one) => one.status === 'rejected')
    if (failed) {
      await stop()
      throw failed.reason
    }
    return running(stop, (site) => {
      const { configuration, port, account } = partsOf(site)
      const one = started[names.indexOf(configuration)]
      if (one?.status !== 'fulfilled') throw new Error(`there is no site ${site}`)
      return listenerOf(one.value, { port, account }, certificates)
    })
  },
})

function partsOf(site: string) {
  const [configuration = '', port = '', account = ''] = site.split(':')
  return { configuration, port, account }
}
