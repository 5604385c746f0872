import { expect, test } from 'vitest'
import { describeWithPeers } from '../../support/peers/available.ts'
import { type FuzzProtocol, fuzz } from './run.ts'

const runs = {
  tls: 6_000,
  https: 6_000,
  ssh: 2_000,
  ldap: 6_000,
  smtp: 4_000,
  smb: 3_000,
  kerberos: 2_000,
  rdp: 3_000,
  dns: 2_000,
  mssql: 3_000,
  redis: 3_000,
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
