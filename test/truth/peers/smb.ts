import { startSmbd } from '../../support/peers/smbd.ts'
import { type PeerStarter, perConfiguration } from './running.ts'

const configurations: Readonly<Record<string, Parameters<typeof startSmbd>[0]>> = {
  default: {},
  'smb1-too': { minProtocol: 'NT1' },
  'smb1-only': { minProtocol: 'NT1', maxProtocol: 'NT1' },
  'smb2.1': { maxProtocol: 'SMB2_10' },
  signed: { minProtocol: 'SMB3', signing: 'mandatory' },
}

export const smbPeers = {
  smbd: perConfiguration(
    ['smbd'],
    (name) => startSmbd(configurations[name]),
    ({ host, port }) => ({ host, address: host, port }),
  ),
} satisfies Record<string, PeerStarter>
