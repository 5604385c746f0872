import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { peerAuthority } from '../certificates.ts'
import { ownLoopbackAddress } from '../ports.ts'
import { mustRun, type PeerProcess, spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

const settings = {
  realm: 'AD.LAB.TEST',
  domain: 'ADLAB',
  hostName: 'dc1',
  adminPassword: 'Passw0rd!Admin1',
  userPassword: 'Passw0rd!User1',
}

/** The accounts by what is the matter with them, and the `data` code with which Active Directory refuses a right password. */
const accounts = {
  good: { name: 'svc-audit', adCode: undefined },
  disabled: { name: 'u-disabled', adCode: '533' },
  locked: { name: 'u-locked', adCode: '775' },
  expired: { name: 'u-expired', adCode: '701' },
  mustChange: { name: 'u-mustchange', adCode: '773' },
  outsideHours: { name: 'u-hours', adCode: '530' },
  otherWorkstation: { name: 'u-workstation', adCode: '531' },
  passwordExpired: { name: 'u-pwexpired', adCode: '532' },
} as const

const servicePorts = { kdc: 88, dns: 53, s3fs: 445 } as const

export type AccountState = keyof typeof accounts
export const accountStates = Object.keys(accounts) as AccountState[]

export interface Account {
  /** user@realm, as it binds. */
  principal: string
  dn: string
  password: string
  adCode: string | undefined
}

interface SambaAdOptions {
  /** What binds on plain LDAP are worth; `yes` (Samba's and today's Windows' default) refuses simple and SASL ones with 8. */
  strongAuth?: 'yes' | 'allow_sasl_over_tls' | 'no'
  /** What it runs beside LDAP; its name server refuses recursion, because it has no forwarder. */
  services?: readonly ('kdc' | 'dns' | 's3fs')[]
}

export interface SambaAd extends Peer {
  /** A loopback address of its own, because Samba's ports are fixed. */
  host: string
  ports: { ldap: 389; ldaps: 636; globalCatalog: 3268; globalCatalogTls: 3269 }
  realm: string
  base: string
  /** The DC's DNS name, which its certificate is issued for beside the address. */
  hostName: string
  accounts: Record<AccountState, Account>
  ca: string
  caPath: string
  /** The failed logons that the domain has counted for an account; it locks the account at three. */
  failedLogons(account: Account): Promise<number>
  log: () => string
  logged: PeerProcess['logged']
}

/**
 * A real Samba Active Directory domain controller, by default its LDAP services only. Each instance has its own copy of the directory,
 * so one may lock accounts out. The domain is provisioned once (some seconds) and kept in the user's cache directory;
 * after that a start takes well under a second, so nothing needs to be shared between test files.
 */
export async function startSambaAd({ strongAuth = 'yes', services = [] }: SambaAdOptions = {}): Promise<SambaAd> {
  const host = ownLoopbackAddress()
  const hostName = `${settings.hostName}.${settings.realm.toLowerCase()}`
  const base = settings.realm
    .toLowerCase()
    .replace(/[^.]+/g, (label) => `DC=${label}`)
    .replaceAll('.', ',')
  const ports = { ldap: 389, ldaps: 636, globalCatalog: 3268, globalCatalogTls: 3269 } as const
  const { issue, ca, caPath } = await peerAuthority()
  const certificate = await issue({ commonName: hostName, subjectAltName: `DNS:${hostName},IP:${host}` })
  const provisioned = await provisionedDomain()
  const directory = await makeTempDir('samba')
  try {
    await cp(provisioned, directory.path, { recursive: true })
    await mkdir(`${directory.path}/run`)
    const config = `${directory.path}/smb.conf`
    const tls = { certfile: certificate.certPath, keyfile: certificate.keyPath, cafile: caPath }
    await writeFile(config, sambaConfig({ directory: directory.path, host, strongAuth, services, tls }))
    // -i: it runs in the foreground, in one process.
    const samba = await spawnPeer('samba', ['-i', '-M', 'single', '-s', config, '--debug-stdout', '-d1'], {
      env: { ...process.env, KRB5_CONFIG: `${directory.path}/private/krb5.conf` },
      ports: { host, ports: [...Object.values(ports), ...services.map((service) => servicePorts[service])] },
    })
    const facts = { host, ports, realm: settings.realm, base, hostName, accounts: describeAccounts(base), ca, caPath }
    const failedLogons = async ({ principal }: Account) => {
      const name = principal.slice(0, principal.indexOf('@'))
      const from = ['-H', `${directory.path}/private/sam.ldb`, '-s', config]
      const shown = await mustRun('samba-tool', ['user', 'show', name, '--attributes=badPwdCount', ...from])
      return Number(/^badPwdCount: (\d+)$/m.exec(shown)?.[1] ?? 0)
    }
    return asPeer({ ...facts, failedLogons, log: samba.log, logged: samba.logged }, samba.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}

/** The directory of the provisioned domain, made if there is none of this Samba version and this script yet. */
async function provisionedDomain(): Promise<string> {
  const script = join(import.meta.dirname, 'samba-ad-provision.py')
  const input = JSON.stringify(settings)
  const digest = createHash('sha256')
    .update(await mustRun('samba', ['--version']))
    .update(await readFile(script))
    .update(input)
    .digest('hex')
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const directory = join(cache, 'portwarden-test', `samba-ad-${digest.slice(0, 12)}`)
  // Debian's own Python: another one on the path has no samba module.
  await mustRun('/usr/bin/python3', ['-I', script, directory], { input })
  return directory
}

interface SambaSettings {
  directory: string
  host: string
  strongAuth: string
  services: readonly string[]
  tls: { certfile: string; keyfile: string; cafile: string }
}

function sambaConfig({ directory, host, strongAuth, services, tls }: SambaSettings): string {
  return `
[global]
  realm = ${settings.realm}
  workgroup = ${settings.domain}
  netbios name = ${settings.hostName}
  server role = active directory domain controller
  server services = ${['ldap', ...services].join(', ')}
  smb ports = 445
  log level = 1 auth_audit:3
  disable netbios = yes
  interfaces = ${host}/8
  bind interfaces only = yes
  private dir = ${directory}/private
  state directory = ${directory}/state
  cache directory = ${directory}/cache
  lock directory = ${directory}
  binddns dir = ${directory}/bind-dns
  pid directory = ${directory}/run
  ncalrpc dir = ${directory}/run/ncalrpc
  log file = ${directory}/log.%m
  tls enabled = yes
  tls certfile = ${tls.certfile}
  tls keyfile = ${tls.keyfile}
  tls cafile = ${tls.cafile}
  ldap server require strong auth = ${strongAuth}
`
}

function describeAccounts(base: string): Record<AccountState, Account> {
  const describe = ({ name, adCode }: (typeof accounts)[AccountState]): Account => ({
    principal: `${name}@${settings.realm.toLowerCase()}`,
    dn: `CN=${name},CN=Users,${base}`,
    password: settings.userPassword,
    adCode,
  })
  return Object.fromEntries(accountStates.map((state) => [state, describe(accounts[state])])) as Record<
    AccountState,
    Account
  >
}
