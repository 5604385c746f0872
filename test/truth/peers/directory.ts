import { startDnsmasq } from '../../support/peers/dnsmasq.ts'
import { startMitKdc } from '../../support/peers/mit-kdc.ts'
import { type NameServer, startNamed } from '../../support/peers/named.ts'
import { asPeer } from '../../support/peers/peer.ts'
import { type PeerStarter, perConfiguration } from './running.ts'

async function startForwarder(): Promise<NameServer> {
  const upstream = await startNamed({ recursion: true })
  const { host, port, stop } = await startDnsmasq({ upstream })
  return asPeer({ host, port }, stop, upstream.stop)
}

/** What a directory service needs beside LDAP. */
export const directoryPeers = {
  'MIT Kerberos': perConfiguration(
    ['mit-kdc'],
    () => startMitKdc(),
    ({ host, port }) => ({ host, address: host, port }),
  ),
  BIND: perConfiguration(
    ['named'],
    (name) => startNamed({ recursion: name === 'open', transfer: name === 'open' }),
    ({ host, port }) => ({ host, address: host, port }),
  ),
  dnsmasq: perConfiguration(
    ['dnsmasq', 'named'],
    (name) => (name === 'forwarding' ? startForwarder() : startDnsmasq()),
    ({ host, port }) => ({ host, address: host, port }),
  ),
} satisfies Record<string, PeerStarter>
