import { freePort } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import type { NameServer } from './named.ts'
import { type At, asPeer } from './peer.ts'

interface DnsmasqOptions extends At {
  /** To which it forwards foreign names; default: none. */
  upstream?: { host: string; port: number }
}

/** A real dnsmasq, which says in every response that recursion is available. */
export async function startDnsmasq({ host = '127.0.0.1', port, upstream }: DnsmasqOptions = {}): Promise<NameServer> {
  const at = port ?? (await freePort(host))
  const forwarding = upstream ? [`--server=${upstream.host}#${upstream.port}`] : []
  const listening = [`--port=${at}`, `--listen-address=${host}`, '--bind-interfaces', '--user=root', '--pid-file=']
  const files = ['--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--keep-in-foreground', '--log-facility=-']
  const dnsmasq = await spawnPeer('dnsmasq', [...files, ...listening, ...forwarding], { ports: { host, ports: [at] } })
  return asPeer({ host, port: at }, dnsmasq.end)
}
