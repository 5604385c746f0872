import { writeFile } from 'node:fs/promises'
import { freePort } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { type At, asPeer, type Peer } from './peer.ts'

interface NamedOptions extends At {
  /** Whether it resolves foreign names: of others it asks a closed port of this machine. */
  recursion?: boolean
  /** Whether it transfers its zone. */
  transfer?: boolean
  /** Lines of the zone file beside SOA and NS. */
  records?: readonly string[]
}

export interface NameServer extends Peer {
  host: string
  port: number
}

export interface Named extends NameServer {
  zone: string
  log: () => string
}

const zone = 'lab.test'
export const services = ['_ldap._tcp.dc._msdcs.lab.test', '_kerberos._tcp.lab.test']
const defaultRecords = [
  '_ldap._tcp.dc._msdcs SRV 0 100 389 dc2.lab.test.',
  '_ldap._tcp.dc._msdcs SRV 0 100 389 DC1.lab.test.',
  '_kerberos._tcp SRV 0 100 88 dc1.lab.test.',
  'dc1 A 192.0.2.1',
]

/** A real BIND with one zone; it sends nothing beyond this machine. */
export async function startNamed(options: NamedOptions = {}): Promise<Named> {
  const { host = '127.0.0.1', port = await freePort(host), records = defaultRecords } = options
  const directory = await makeTempDir('named')
  const { path } = directory
  try {
    await writeFile(
      `${path}/zone`,
      ['$TTL 300', '@ SOA ns1 admin 1 3600 600 86400 300', '@ NS ns1', 'ns1 A 192.0.2.53', ...records, ''].join('\n'),
    )
    await writeFile(`${path}/named.conf`, await configuration(path, host, port, options))
    const named = await spawnPeer('named', ['-g', '-n', '1', '-c', `${path}/named.conf`], {
      ready: / running$/m,
      ports: { host, ports: [port] },
    })
    return asPeer({ host, port, zone, log: named.log }, named.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}

const configuration = async (directory: string, host: string, port: number, { recursion, transfer }: NamedOptions) => `
options {
  directory "${directory}";
  pid-file none;
  session-keyfile "${directory}/session.key";
  listen-on port ${port} { ${host}; };
  listen-on-v6 { none; };
  recursion ${recursion ? 'yes' : 'no'};
  allow-recursion { any; };
  allow-transfer { ${transfer ? 'any' : 'none'}; };
  forward only;
  forwarders { 127.0.0.1 port ${await freePort()}; };
  dnssec-validation no;
  notify no;
};
controls { };
zone "${zone}" { type primary; file "zone"; };
`
