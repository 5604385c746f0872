import { createHash, randomBytes } from 'node:crypto'
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { peerAuthority } from '../certificates.ts'
import { freePorts } from '../ports.ts'
import { mustRun, spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

interface Options {
  /** Attributes of `cn=config`, as `name: value`. */
  config?: readonly string[]
}

export interface DirectoryServer extends Peer {
  host: string
  /** LDAP, with StartTLS. */
  port: number
  ldapsPort: number
  admin: { dn: string; password: string }
  caPath: string
  ca: string
}

const host = '127.0.0.1'
const base = 'dc=lab,dc=test'
const admin = { dn: 'cn=Directory Manager', password: 'adminpw' }
const folders = ['bak', 'cert', 'config', 'db', 'ldif', 'lock', 'log', 'run', 'tmp']

/** A real 389 Directory Server with an almost empty database; its administrator may bind. */
export async function start389Ds({ config = [] }: Options = {}): Promise<DirectoryServer> {
  const directory = await makeTempDir('389-ds')
  try {
    const { path } = directory
    const authority = await peerAuthority()
    const [port = 0, ldapsPort = 0] = await freePorts(2, host)
    await Promise.all(folders.map((folder) => mkdir(join(path, folder))))
    await cp('/etc/dirsrv/config', join(path, 'config'), { recursive: true })
    await cp('/etc/dirsrv/schema', join(path, 'config/schema'), { recursive: true })
    const fillIn = await templatesFor(path, port)
    const listening = [`nsslapd-security: on`, `nsslapd-secureport: ${ldapsPort}`]
    const hosts = [`nsslapd-listenhost: ${host}`, `nsslapd-securelistenhost: ${host}`]
    const dse = (await fillIn('dse')).replace(
      /^cn: config$/m,
      ['cn: config', ...listening, ...hosts, ...config].join('\n'),
    )
    await writeFile(join(path, 'config/dse.ldif'), dse)
    await storeCertificate(path)
    // It gives up its rights, to a user who must reach its files.
    await chmod(path, 0o755)
    await mustRun('chown', ['-R', 'dirsrv', path])
    const server = await spawnPeer(
      'ns-slapd',
      ['-D', join(path, 'config'), '-i', join(path, 'run/pid'), '-d', '16384'],
      {
        ports: { host, ports: [port, ldapsPort] },
      },
    )
    await addDatabase(ldapsPort, await fillIn('suffix-db'))
    return asPeer(
      { host, port, ldapsPort, admin, ca: authority.ca, caPath: authority.caPath },
      server.end,
      directory.remove,
    )
  } catch (error) {
    await directory.remove()
    throw error
  }
}

/** The templates of the distribution, as dscreate fills them in. */
async function templatesFor(path: string, port: number): Promise<(name: string) => Promise<string>> {
  const values: Record<string, string> = {
    ds_port: String(port),
    ds_user: 'dirsrv',
    ds_suffix: base,
    ds_bename: 'userRoot',
    ds_passwd: hashed(admin.password),
    rootdn: admin.dn,
    fqdn: 'localhost',
    ldapi: join(path, 'run/ldapi'),
    ldapi_enabled: 'off',
    ldapi_autobind: 'off',
    db_lib: 'bdb',
    db_home_dir: join(path, 'db'),
    inst_dir: path,
    schema_dir: join(path, 'config/schema'),
    ...Object.fromEntries(folders.map((folder) => [`${folder}_dir`, join(path, folder)])),
  }
  return async (name) => {
    const template = await readFile(`/usr/share/dirsrv/data/template-${name}.ldif`, 'utf8')
    return template.replace(/%(\w+)%/g, (_, value: string) => values[value] ?? '')
  }
}

/** It accepts no clear password in its configuration. */
function hashed(password: string): string {
  const salt = randomBytes(8)
  const digest = createHash('sha1').update(password).update(salt).digest()
  return `{SSHA}${Buffer.concat([digest, salt]).toString('base64')}`
}

/** Its certificate, in a database of NSS. */
async function storeCertificate(path: string): Promise<void> {
  const authority = await peerAuthority()
  const names = `DNS:ds.lab.test,DNS:localhost,IP:${host}`
  const { certPath, keyPath } = await authority.issue({ commonName: 'ds.lab.test', subjectAltName: names })
  const store = ['-d', join(path, 'cert')]
  const bundle = join(path, 'tmp/server.p12')
  const exported = ['-export', '-in', certPath, '-inkey', keyPath, '-name', 'Server-Cert', '-passout', 'pass:']
  await mustRun('openssl', ['pkcs12', ...exported, '-out', bundle])
  await mustRun('certutil', ['-N', ...store, '--empty-password'])
  await mustRun('certutil', ['-A', ...store, '-n', 'CA', '-t', 'CT,,', '-a', '-i', authority.caPath])
  await mustRun('pk12util', ['-i', bundle, ...store, '-W', '', '-K', ''])
}

/** In the configuration that it starts with, it does not accept a database; it adds the entries for encryption itself. */
async function addDatabase(ldapsPort: number, ldif: string): Promise<void> {
  const input = ldif
    .split('\n\n')
    .filter((entry) => !entry.includes('dn: cn=encrypted'))
    .join('\n\n')
  const bind = ['-x', '-D', admin.dn, '-w', admin.password, '-H', `ldaps://${host}:${ldapsPort}`]
  const root = `dn: ${base}\nobjectClass: domain\ndc: lab\n`
  await mustRun('ldapadd', bind, { input: `${input}\n\n${root}`, env: { ...process.env, LDAPTLS_REQCERT: 'never' } })
}
