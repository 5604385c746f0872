import type { PeerKind } from '../../support/peers/available.ts'
import { startGnutls } from '../../support/peers/gnutls.ts'
import { startStunnel } from '../../support/peers/stunnel.ts'
import { startOpenssl } from '../../support/peers/tls.ts'
import { startWebSites, type WebServer } from '../../support/peers/web-sites.ts'
import { type Certificates, hostName } from '../certificates.ts'
import type { Listener } from '../row.ts'
import { sitesFor } from '../sites.ts'
import { type PeerStarter, running } from './running.ts'

const webServer = (kind: WebServer): PeerStarter => ({
  needs: [kind],
  start: async (names, certificates) => {
    const all = sitesFor(certificates)
    const { stop, ports } = await startWebSites(
      kind,
      Object.fromEntries(names.map((name) => [name, siteOf(all, name)])),
    )
    return running(stop, (site) => listenerOf(certificates, ports[site]))
  },
})

/** One process for each site. */
const perSite = (needs: PeerKind, startOne: typeof startGnutls): PeerStarter => ({
  needs: [needs],
  start: async (names, certificates) => {
    const sites = tlsSites(names, certificates)
    const started = await Promise.all(names.map(async (name) => [name, await startOne(siteOf(sites, name))] as const))
    const stop = async () => {
      for (const [, peer] of started) await peer.stop()
    }
    const ports = Object.fromEntries(started.map(([name, { port }]) => [name, port]))
    return running(stop, (site) => listenerOf(certificates, ports[site]))
  },
})

export const webPeers = {
  nginx: webServer('nginx'),
  Apache: webServer('apache'),
  haproxy: webServer('haproxy'),
  stunnel: {
    needs: ['stunnel'],
    start: async (names, certificates) => {
      const { stop, ports } = await startStunnel(tlsSites(names, certificates))
      return running(stop, (site) => listenerOf(certificates, ports[site]))
    },
  },
  OpenSSL: perSite('openssl', startOpenssl),
  GnuTLS: perSite('gnutls', startGnutls),
} satisfies Record<string, PeerStarter>

function siteOf<Site>(sites: Readonly<Record<string, Site>>, name: string): Site {
  const site = sites[name]
  if (!site) throw new Error(`there is no site ${name}`)
  return site
}

function tlsSites(names: readonly string[], certificates: Certificates) {
  const all = sitesFor(certificates)
  return Object.fromEntries(
    names.map((name) => {
      const { tls } = siteOf(all, name)
      if (!tls) throw new Error(`the site ${name} has no TLS`)
      return [name, tls]
    }),
  )
}

function listenerOf({ root }: Certificates, port: number | undefined): Listener {
  if (port === undefined) throw new Error('no such site')
  return { host: hostName, address: '127.0.0.1', port, ca: root.ca, caPath: root.caPath }
}
