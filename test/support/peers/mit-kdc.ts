import { writeFile } from 'node:fs/promises'
import { freePort } from '../ports.ts'
import { mustRun, run, spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { type At, asPeer, type Peer } from './peer.ts'

const realm = 'LAB.TEST'

export interface MitKdc extends Peer {
  host: string
  port: number
  realm: string
  /** What it logged of requests. */
  log: () => string
}

/** A real KDC of MIT Kerberos with one empty realm. */
export async function startMitKdc({ host = '127.0.0.1', port }: At = {}): Promise<MitKdc> {
  const at = port ?? (await freePort(host))
  const directory = await makeTempDir('mit-kdc')
  const { path } = directory
  const env = { ...process.env, KRB5_CONFIG: `${path}/krb5.conf`, KRB5_KDC_PROFILE: `${path}/kdc.conf` }
  try {
    await writeFile(env.KRB5_CONFIG, clientConfiguration({ host, port: at }, realm))
    await writeFile(env.KRB5_KDC_PROFILE, kdcConfiguration(path, host, at))
    await mustRun('kdb5_util', ['create', '-s', '-r', realm, '-P', 'not-a-secret'], { env })
    const kdc = await spawnPeer('krb5kdc', ['-n', '-r', realm], { env, ready: /commencing operation/ })
    return asPeer({ host, port: at, realm, log: kdc.log }, kdc.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}

/** What `kinit` of MIT Kerberos prints when it asks this KDC for a ticket and is given no password. */
export async function kinit(kdc: { host: string; port: number }, client: string, realm: string): Promise<string> {
  const directory = await makeTempDir('kinit')
  try {
    const config = `${directory.path}/krb5.conf`
    await writeFile(config, clientConfiguration(kdc, realm))
    const env = { ...process.env, LC_ALL: 'C', KRB5_CONFIG: config }
    const { stdout, stderr } = await run('kinit', ['-c', `FILE:${directory.path}/ccache`, `${client}@${realm}`], {
      env,
    })
    return stdout + stderr
  } finally {
    await directory.remove()
  }
}

/** Without DNS and UDP. */
const clientConfiguration = ({ host, port }: { host: string; port: number }, of: string) => `
[libdefaults]
  default_realm = ${of}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  udp_preference_limit = 1
[realms]
  ${of} = {
    kdc = ${host}:${port}
  }
`

const kdcConfiguration = (directory: string, host: string, port: number) => `
[kdcdefaults]
  kdc_listen = ${host}:${port}
  kdc_tcp_listen = ${host}:${port}
[realms]
  ${realm} = {
    database_name = ${directory}/principal
    key_stash_file = ${directory}/stash
    acl_file = ${directory}/acl
  }
[logging]
  kdc = STDERR
`
