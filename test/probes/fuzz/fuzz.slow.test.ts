import { expect, test } from 'vitest'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type FuzzProtocol, fuzz } from './run.ts'

const runs = {
  tls: 8_000,
  https: 8_000,
  ssh: 3_000,
  ldap: 8_000,
  smtp: 8_000,
  smb: 8_000,
  kerberos: 4_000,
  rdp: 8_000,
  dns: 4_000,
  mssql: 8_000,
  redis: 8_000,
} as const satisfies Record<FuzzProtocol, number>
const seed = 1

describeWithPeers(
  [
    'nginx',
    'redis',
    'openssl',
    'openssh',
    'slapd',
    'ldap-utils',
    'exim',
    'curl',
    'smbd',
    'nmap',
    'mit-kdc',
    'named',
    'freerdp-shadow',
    'freetds',
  ],
  'responses changed by chance',
  () => {
    test.for(Object.entries(runs) as [FuzzProtocol, number][])(
      'of %s servers that do not comply never pass, and each probe ends, with valid facts',
      { timeout: 600_000 },
      async ([protocol, count]) => {
        const report = await fuzz(protocol, { runs: count, seed })
        expect(report.broken.slice(0, 10)).toEqual([])
        expect(report.runs).toBeGreaterThanOrEqual(count)
      },
    )
  },
)
