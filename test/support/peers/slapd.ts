import { mkdir, writeFile } from 'node:fs/promises'
import { type Authority, type Certificate, peerAuthority } from '../certificates.ts'
import { freePorts } from '../ports.ts'
import { mustRun, type PeerProcess, spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

const base = 'dc=lab,dc=test'

export interface SlapdOptions {
  host?: string
  /** Default: free ports. */
  ports?: { ldap: number; ldaps: number }
  /** Refuses a simple bind without TLS with 13, confidentialityRequired. */
  requireTls?: boolean
  /** Refuses an anonymous bind with 48, inappropriateAuthentication. */
  disallowAnonymous?: boolean
  /** False: StartTLS is not offered, and the LDAPS port resets every connection. */
  tls?: boolean
  certificate?: Certificate
  /** uid → password; default: `svc-audit`. */
  users?: Record<string, string>
  /** Global configuration lines. */
  extra?: string
}

export interface Slapd extends Peer {
  host: string
  /** LDAP, with StartTLS. */
  port: number
  ldapsPort: number
  base: string
  /** What the certificate is issued for, beside `localhost` and the address. */
  hostName: string
  users: { dn: string; password: string }[]
  admin: { dn: string; password: string }
  ca: string
  caPath: string
  /** Operations and results (`-d stats`), as slapd logs them. */
  log: () => string
  logged: PeerProcess['logged']
}

/** A real OpenLDAP with a small directory: anyone reads the rootDSE, users read everything below `base`. */
export async function startSlapd(options: SlapdOptions = {}): Promise<Slapd> {
  const { host = '127.0.0.1', ports, users = { 'svc-audit': 'Passw0rd!User1' } } = options
  const hostName = 'ldap1.lab.test'
  const authority = await peerAuthority()
  const certificate =
    options.certificate ??
    (await authority.issue({ commonName: hostName, subjectAltName: `DNS:${hostName},DNS:localhost,IP:${host}` }))
  const directory = await makeTempDir('slapd')
  try {
    const config = `${directory.path}/slapd.conf`
    await mkdir(`${directory.path}/db`)
    await writeFile(config, slapdConfig(directory.path, options, authority, certificate))
    await mustRun('slapadd', ['-q', '-b', base, '-f', config], { input: content(users) })
    const [port = 0, ldapsPort = 0] = ports ? [ports.ldap, ports.ldaps] : await freePorts(2, host)
    const urls = `ldap://${host}:${port} ldaps://${host}:${ldapsPort}`
    // -d keeps it in the foreground, with its log on standard error.
    const slapd = await spawnPeer('slapd', ['-f', config, '-h', urls, '-d', 'stats'], {
      ready: /slapd starting/,
      ports: { host, ports: [port, ldapsPort] },
    })
    const facts = {
      host,
      port,
      ldapsPort,
      base,
      hostName,
      users: Object.entries(users).map(([uid, password]) => ({ dn: userDn(uid), password })),
      admin: { dn: `cn=admin,${base}`, password: 'adminpw' },
      ca: authority.ca,
      caPath: authority.caPath,
      log: slapd.log,
      logged: slapd.logged,
    }
    return asPeer(facts, slapd.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}

function userDn(uid: string): string {
  return `uid=${uid},ou=people,${base}`
}

function slapdConfig(directory: string, options: SlapdOptions, authority: Authority, certificate: Certificate): string {
  const tls = [
    `TLSCACertificateFile ${authority.caPath}`,
    `TLSCertificateFile ${certificate.certPath}`,
    `TLSCertificateKeyFile ${certificate.keyPath}`,
  ]
  return [
    ...['core', 'cosine', 'inetorgperson'].map((schema) => `include /etc/ldap/schema/${schema}.schema`),
    `pidfile ${directory}/slapd.pid`,
    `argsfile ${directory}/slapd.args`,
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    ...(options.tls === false ? [] : tls),
    ...(options.requireTls ? ['security simple_bind=128'] : []),
    ...(options.disallowAnonymous ? ['disallow bind_anon'] : []),
    options.extra ?? '',
    'database mdb',
    `suffix "${base}"`,
    `rootdn "cn=admin,${base}"`,
    'rootpw adminpw',
    'maxsize 16777216',
    'dbnosync',
    `directory ${directory}/db`,
    'access to attrs=userPassword by anonymous auth by * none',
    'access to * by users read by anonymous none',
    '',
  ].join('\n')
}

function content(users: Record<string, string>): string {
  const people = Object.entries(users).map(
    ([uid, password]) =>
      `dn: ${userDn(uid)}\nobjectClass: inetOrgPerson\ncn: ${uid}\nsn: ${uid}\nuid: ${uid}\nuserPassword: ${password}\n`,
  )
  return [
    `dn: ${base}\nobjectClass: dcObject\nobjectClass: organization\no: Lab\ndc: lab\n`,
    `dn: ou=people,${base}\nobjectClass: organizationalUnit\nou: people\n`,
    ...people,
  ].join('\n')
}
