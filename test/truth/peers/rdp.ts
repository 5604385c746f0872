import { startFreerdpShadow } from '../../support/peers/freerdp-shadow.ts'
import { type PeerStarter, perConfiguration } from './running.ts'

export const rdpPeers = {
  FreeRDP: perConfiguration(
    ['freerdp-shadow'],
    (name) => startFreerdpShadow(name as 'nla' | 'tls' | 'rdp'),
    ({ host, port }) => ({ host, address: host, port }),
  ),
} satisfies Record<string, PeerStarter>
