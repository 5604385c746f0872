import { type MssqlEncryption, startMssql } from '../../support/peers/mssql.ts'
import { type PeerStarter, perConfiguration } from './running.ts'

export const mssqlPeers = {
  'SQL Server, simulated': perConfiguration(
    [],
    (name) => startMssql({ encryption: name as MssqlEncryption }),
    ({ host, port }) => ({ host, address: host, port }),
  ),
} satisfies Record<string, PeerStarter>
