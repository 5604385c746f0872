import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { startHttp } from './https.ts'
import { asPeer } from './peer.ts'
import { defaultVersions, oldCiphers, sentPath, type TlsSite } from './tls-site.ts'
import { siteHost as host, portsFor, type Sites } from './web-sites.ts'

/** One real stunnel with a service for each site, in front of a clear HTTP server. */
export async function startStunnel<Name extends string>(sites: Readonly<Record<Name, TlsSite>>): Promise<Sites<Name>> {
  const directory = await makeTempDir('stunnel')
  const upstream = await startHttp()
  try {
    const ports = await portsFor(sites)
    const services = (Object.keys(sites) as Name[]).map((name) => stunnelService(name, ports[name], sites[name]))
    const global = ['foreground = yes', 'pid =', 'syslog = no', 'debug = 5', `connect = ${host}:${upstream.port}`]
    const file = join(directory.path, 'stunnel.conf')
    await writeFile(file, [...global, ...services, ''].join('\n'))
    const stunnel = await spawnPeer('stunnel4', [file], { ready: /Configuration successful/ })
    return asPeer({ host, ports }, stunnel.end, upstream.stop, directory.remove)
  } catch (error) {
    await upstream.stop()
    await directory.remove()
    throw error
  }
}

function stunnelService(name: string, port: number, site: TlsSite): string {
  const { certificate, versions = defaultVersions, clientCa } = site
  return [
    `[${name}]`,
    `accept = ${host}:${port}`,
    `cert = ${sentPath(site)}`,
    `key = ${certificate.keyPath}`,
    'securityLevel = 0',
    `ciphers = ${oldCiphers}`,
    `sslVersionMin = ${versions[0]}`,
    `sslVersionMax = ${versions.at(-1)}`,
    ...(clientCa ? [`CAfile = ${clientCa}`, 'verifyChain = yes', 'requireCert = yes'] : []),
  ].join('\n')
}
