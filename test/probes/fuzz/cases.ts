import type { ResolvedExpectation } from '../../../src/domain/policy/policy.ts'
import type { ProtocolName } from '../../../src/domain/protocols/index.ts'
import { startExim } from '../../support/peers/exim.ts'
import { startFreerdpShadow } from '../../support/peers/freerdp-shadow.ts'
import { kinit, startMitKdc } from '../../support/peers/mit-kdc.ts'
import { startMssql } from '../../support/peers/mssql.ts'
import { startNamed } from '../../support/peers/named.ts'
import { startNginx } from '../../support/peers/nginx.ts'
import { startSshd } from '../../support/peers/openssh.ts'
import type { Peer } from '../../support/peers/peer.ts'
import { startRedis } from '../../support/peers/redis.ts'
import { startSlapd } from '../../support/peers/slapd.ts'
import { startSmbd } from '../../support/peers/smbd.ts'
import { startTls, tlsCertificate } from '../../support/peers/tls.ts'
import { run } from '../../support/processes.ts'

interface Started extends Peer {
  host: string
  port: number
}

/** A real server, a demand that it does not meet, and a tool of others that says so. */
export interface FuzzCase {
  name: string
  start: () => Promise<Started>
  expect: ResolvedExpectation
  /** Whether the tool finds that the unchanged server meets the demand. */
  oracle: (server: { host: string; port: number }) => Promise<boolean>
  /** Whether connections go to the live server, because recorded responses do not complete a session. */
  live?: boolean
  /** Of the runs of the protocol, relative to its other cases. */
  share: number
}

const trusted = { state: ['open'], tls: { trusted: true } } as const satisfies ResolvedExpectation

const verifies = async (argv: readonly string[]): Promise<boolean> => {
  const { stdout } = await run('openssl', ['s_client', ...argv], { input: '' })
  return stdout.includes('BEGIN CERTIFICATE') && stdout.includes('Verify return code: 0 (ok)')
}
const speaksTo = async ({ host, port }: { host: string; port: number }, command: string, argv: readonly string[]) => {
  const { stdout } = await run(
    command,
    argv.map((word) => word.replace('HOST', host).replace('PORT', `${port}`)),
  )
  return stdout
}

const anotherKey = `SHA256:${'A'.repeat(43)}`

export const fuzzCases: Record<Exclude<ProtocolName, 'tcp' | 'udp'>, readonly FuzzCase[]> = {
  tls: [
    {
      name: 'nginx with TLS 1.3, self-signed',
      start: async () => startNginx({ certificate: await tlsCertificate('self-signed'), protocols: 'TLSv1.3' }),
      expect: trusted,
      oracle: ({ host, port }) => verifies(['-connect', `${host}:${port}`]),
      live: true,
      share: 1,
    },
    {
      name: 'nginx with TLS 1.2 and an authority that is not trusted',
      start: async () => startNginx({ certificate: await tlsCertificate('other-ca'), protocols: 'TLSv1.2' }),
      expect: trusted,
      oracle: ({ host, port }) => verifies(['-connect', `${host}:${port}`]),
      live: true,
      share: 1,
    },
    {
      name: 'records of TLS 1.2 that were sent before',
      start: () => startTls('tls1.2'),
      expect: trusted,
      oracle: ({ host, port }) => verifies(['-connect', `${host}:${port}`]),
      share: 4,
    },
    {
      name: 'records of TLS 1.3 that were sent before',
      start: () => startTls('tls1.3'),
      expect: trusted,
      oracle: ({ host, port }) => verifies(['-connect', `${host}:${port}`]),
      share: 4,
    },
  ],
  https: [
    {
      name: 'nginx with an authority that is not trusted',
      start: async () => startNginx({ certificate: await tlsCertificate('other-ca') }),
      expect: { ...trusted, http: { answers: true } },
      oracle: async (at) => (await speaksTo(at, 'curl', ['-s', '-w', '%{http_code}', 'https://HOST:PORT/'])) !== '000',
      live: true,
      share: 1,
    },
    {
      name: 'nginx in the clear',
      start: async () => {
        const nginx = await startNginx()
        return Object.assign(nginx, { port: nginx.httpPort })
      },
      expect: { state: ['open'], http: { plainServed: false } },
      oracle: async (at) => (await speaksTo(at, 'curl', ['-s', 'http://HOST:PORT/'])) === '',
      share: 4,
    },
  ],
  ssh: [
    {
      name: 'OpenSSH with another key than the pinned one',
      start: () => startSshd(),
      expect: { state: ['open'], ssh: { hostKeys: [anotherKey] } },
      oracle: async (at) => (await speaksTo(at, 'ssh-keyscan', ['-p', 'PORT', 'HOST'])).includes(anotherKey),
      share: 20,
    },
    {
      name: 'OpenSSH, live, with another key than the pinned one',
      start: () => startSshd({ extra: 'MaxStartups 1000' }),
      expect: { state: ['open'], ssh: { hostKeys: [anotherKey] } },
      oracle: async (at) => (await speaksTo(at, 'ssh-keyscan', ['-p', 'PORT', 'HOST'])).includes(anotherKey),
      live: true,
      share: 1,
    },
    {
      name: 'OpenSSH with a host certificate and sntrup761 alone, with another key than the pinned one',
      start: () =>
        startSshd({ certified: true, extra: 'KexAlgorithms sntrup761x25519-sha512@openssh.com\nMaxStartups 1000' }),
      expect: { state: ['open'], ssh: { hostKeys: [anotherKey] } },
      oracle: async (at) => (await speaksTo(at, 'ssh-keyscan', ['-c', '-p', 'PORT', 'HOST'])).includes(anotherKey),
      live: true,
      share: 1,
    },
    {
      name: 'nginx, which does not speak SSH',
      start: () => startNginx(),
      expect: { state: ['open'], ssh: { speaks: true } },
      oracle: async (at) => (await speaksTo(at, 'ssh-keyscan', ['-p', 'PORT', 'HOST'])) !== '',
      share: 5,
    },
  ],
  ldap: [
    {
      name: 'OpenLDAP, which is no Active Directory',
      start: () => startSlapd(),
      expect: { state: ['open'], ldap: { activeDirectory: true } },
      oracle: async (at) =>
        (
          await speaksTo(at, 'ldapsearch', [
            ...['-x', '-LLL', '-H', 'ldap://HOST:PORT', '-b', '', '-s', 'base', 'supportedCapabilities'],
          ])
        ).includes('1.2.840.113556.1.4.800'),
      share: 20,
    },
    {
      name: 'OpenLDAP with an authority that is not trusted',
      start: async () => startSlapd({ certificate: await tlsCertificate('other-ca') }),
      expect: { state: ['open'], ldap: { security: ['starttls', 'ldaps'] } },
      oracle: ({ host, port }) => verifies(['-starttls', 'ldap', '-connect', `${host}:${port}`]),
      live: true,
      share: 1,
    },
  ],
  smtp: [
    {
      name: 'Exim without STARTTLS',
      start: () => startExim({ tls: false }),
      expect: { state: ['open'], smtp: { speaks: true, startTls: 'offered' } },
      oracle: ({ host, port }) => verifies(['-starttls', 'smtp', '-connect', `${host}:${port}`]),
      share: 20,
    },
    {
      name: 'Exim with an authority that is not trusted',
      start: async () => startExim({ certificate: await tlsCertificate('other-ca') }),
      expect: trusted,
      oracle: ({ host, port }) => verifies(['-starttls', 'smtp', '-connect', `${host}:${port}`]),
      live: true,
      share: 1,
    },
  ],
  smb: [
    {
      name: 'smbd without SMB 3',
      start: () => startSmbd({ maxProtocol: 'SMB2_10' }),
      expect: { state: ['open'], smb: { minDialect: 'SMB3.1.1' } },
      oracle: async (at) =>
        (await speaksTo(at, 'nmap', ['-Pn', '-n', '-pPORT', '--script', 'smb-protocols', 'HOST'])).includes('311'),
      share: 1,
    },
  ],
  kerberos: [
    {
      name: 'a KDC of MIT Kerberos, which serves another realm',
      start: () => startMitKdc(),
      expect: { state: ['open'], kerberos: { realm: 'OTHER.TEST', askKrbtgt: true } },
      oracle: async (at) => !(await kinit(at, 'krbtgt/OTHER.TEST', 'OTHER.TEST')).includes('not found in Kerberos'),
      share: 4,
    },
    {
      name: 'nginx, which is no KDC',
      start: () => startNginx(),
      expect: { state: ['open'], kerberos: { answers: true } },
      oracle: async (at) => (await kinit(at, 'unknown', 'LAB.TEST')).includes('Kerberos database'),
      share: 1,
    },
  ],
  mssql: [
    {
      name: 'the pre-login of SQL Server without encryption',
      start: () => startMssql({ encryption: 'not-supported' }),
      expect: { state: ['open'], tls: { minVersion: 'TLSv1' } },
      oracle: async (at) => {
        const env = { ...process.env, TDSDUMP: 'stderr', TDSVER: '7.4' }
        const args = ['-H', at.host, '-p', `${at.port}`, '-U', 'unknown', '-P', 'none']
        return !(await run('tsql', args, { env, input: 'exit\n' })).stderr.includes('detected crypt flag 2')
      },
      share: 1,
    },
  ],
  redis: [
    {
      name: 'Redis without a password',
      start: () => startRedis(),
      expect: { state: ['open'], redis: { authentication: 'required' } },
      oracle: async (at) => !(await speaksTo(at, 'redis-cli', ['-h', 'HOST', '-p', 'PORT', 'PING'])).includes('PONG'),
      share: 1,
    },
  ],
  rdp: [
    {
      name: 'a server of FreeRDP without TLS',
      start: () => startFreerdpShadow('rdp'),
      expect: { state: ['open'], tls: { minVersion: 'TLSv1' } },
      oracle: async (at) =>
        (await speaksTo(at, 'nmap', ['-Pn', '-n', '-pPORT', '--script', '+rdp-enum-encryption', 'HOST'])).includes(
          'SSL: SUCCESS',
        ),
      share: 1,
    },
  ],
  dns: [
    {
      name: 'BIND, which does not serve the zone',
      start: () => startNamed(),
      expect: { state: ['open'], dns: { zone: 'unserved.test' } },
      oracle: async (at) =>
        (await speaksTo(at, 'dig', ['+tcp', '+norecurse', '-p', 'PORT', '@HOST', 'unserved.test', 'SOA'])).includes(
          ' aa',
        ),
      live: true,
      share: 3,
    },
    {
      name: 'BIND, which transfers its zone',
      start: () => startNamed({ transfer: true }),
      expect: { state: ['open'], dns: { zone: 'lab.test', zoneTransfer: 'refused' } },
      oracle: async (at) =>
        !(await speaksTo(at, 'dig', ['-p', 'PORT', '@HOST', 'lab.test', 'AXFR'])).includes('XFR size'),
      live: true,
      share: 3,
    },
    {
      name: 'nginx, which is no name server',
      start: () => startNginx(),
      expect: { state: ['open'], dns: { answers: true } },
      oracle: async (at) => (await speaksTo(at, 'dig', ['+tcp', '-p', 'PORT', '@HOST', '.', 'NS'])).includes('status:'),
      share: 1,
    },
  ],
}
