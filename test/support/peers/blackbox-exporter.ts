import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

export interface BlackboxExporter extends Peer {
  url: string
}

/** A real blackbox_exporter whose modules are named as ours are. It trusts the authority of `caPath`. */
export async function startBlackboxExporter(caPath: string): Promise<BlackboxExporter> {
  const directory = await makeTempDir('blackbox')
  const tcp = (more: object = {}) => ({
    prober: 'tcp',
    timeout: '1s',
    tcp: { preferred_ip_protocol: 'ip4', ...more },
  })
  const dns = (transport: 'tcp' | 'udp') => ({
    prober: 'dns',
    timeout: '1s',
    dns: {
      ...{ transport_protocol: transport, preferred_ip_protocol: 'ip4', query_name: '.', query_type: 'NS' },
      valid_rcodes: ['NOERROR', 'REFUSED'],
    },
  })
  const modules = {
    tcp_connect: tcp(),
    tls_connect: tcp({ tls: true, tls_config: { ca_file: caPath } }),
    tls_connect_insecure: tcp({ tls: true, tls_config: { insecure_skip_verify: true } }),
    smtp_starttls: tcp({
      tls_config: { ca_file: caPath },
      // As in the example of its documentation, which expects AUTH at the end.
      query_response: [
        { expect: '^220 ([^ ]+) ESMTP (.+)$' },
        { send: 'EHLO prober\r' },
        { expect: '^250-STARTTLS' },
        { send: 'STARTTLS\r' },
        { expect: '^220' },
        { starttls: true },
        { send: 'EHLO prober\r' },
        { expect: '^250 ' },
        { send: 'QUIT\r' },
      ],
    }),
    dns_tcp: dns('tcp'),
    dns_udp: dns('udp'),
    ssh_banner: tcp({ query_response: [{ expect: '^SSH-2.0-' }] }),
  }
  try {
    const config = join(directory.path, 'config.yml')
    await writeFile(config, JSON.stringify({ modules })) // JSON is YAML
    const port = await freePort()
    const args = [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`]
    const exporter = await spawnPeer('prometheus-blackbox-exporter', args, {
      ports: { host: '127.0.0.1', ports: [port] },
    })
    return asPeer({ url: `http://127.0.0.1:${port}` }, exporter.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}
