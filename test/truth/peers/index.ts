import { directoryPeers } from './directory.ts'
import { ldapPeers } from './ldap.ts'
import { mssqlPeers } from './mssql.ts'
import { otherPeers } from './others.ts'
import { rdpPeers } from './rdp.ts'
import { redisPeers } from './redis.ts'
import type { PeerStarter } from './running.ts'
import { smbPeers } from './smb.ts'
import { sshPeers } from './ssh.ts'
import { webPeers } from './web.ts'

const peers = {
  ...webPeers,
  ...sshPeers,
  ...ldapPeers,
  ...directoryPeers,
  ...rdpPeers,
  ...mssqlPeers,
  ...redisPeers,
  ...smbPeers,
  ...otherPeers,
}

export type PeerName = keyof typeof peers
export const starters: Readonly<Record<PeerName, PeerStarter>> = peers
