import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Certificate } from '../certificates.ts'
import { freePort } from '../ports.ts'
import { spawnPeer } from '../processes.ts'
import { makeTempDir } from '../temp-dir.ts'
import { asPeer, type Peer } from './peer.ts'

export const proxyKinds = ['nginx', 'haproxy', 'apache'] as const
type ProxyKind = (typeof proxyKinds)[number]

interface ReverseProxy extends Peer {
  port: number
}

interface ProxyOptions {
  /** The port of the service on 127.0.0.1. */
  upstream: number
  certificate: Certificate
  /** Changes the documented configuration. */
  edit?: (config: string) => string
}

/** A real proxy with the configuration of docs/operations.md: only addresses and paths of files differ. */
export async function startReverseProxy(kind: ProxyKind, options: ProxyOptions): Promise<ReverseProxy> {
  const { upstream, certificate, edit = (config) => config } = options
  const directory = await makeTempDir(kind)
  try {
    const port = await freePort()
    const both = join(directory.path, 'both.pem')
    await writeFile(both, (await readFile(certificate.chainPath, 'utf8')) + certificate.key)
    const page = await readFile(join(import.meta.dirname, '../../../docs/operations.md'), 'utf8')
    const [, documented = ''] = new RegExp(`\`\`\`${kind}\n([^]*?)\`\`\``).exec(page) ?? []
    const config = edit(documented)
      .replaceAll('listen 443', `listen 127.0.0.1:${port}`)
      .replace('bind :443', `bind 127.0.0.1:${port}`)
      .replace('<VirtualHost *:443>', `Listen 127.0.0.1:${port}\n<VirtualHost *:${port}>`)
      .replaceAll('/etc/ssl/portwarden-with-key.pem', both)
      .replaceAll('/etc/ssl/portwarden.pem', certificate.chainPath)
      .replaceAll('/etc/ssl/portwarden.key', certificate.keyPath)
      .replaceAll('127.0.0.1:8080', `127.0.0.1:${upstream}`)
    const file = join(directory.path, 'proxy.conf')
    await writeFile(file, around[kind](directory.path, config))
    const { command, args, ready } = programs[kind](directory.path, file)
    const proxy = await spawnPeer(command, args, { ready })
    return asPeer({ port }, proxy.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}

export const programs: Record<
  ProxyKind,
  (directory: string, file: string) => { command: string; args: string[]; ready: RegExp }
> = {
  nginx: (directory, file) => ({
    command: 'nginx',
    args: ['-p', directory, '-e', 'stderr', '-c', file],
    ready: /start worker processes/,
  }),
  haproxy: (_, file) => ({ command: 'haproxy', args: ['-W', '-db', '-f', file], ready: /Loading success/ }),
  apache: (_, file) => ({
    command: 'apache2',
    args: ['-DFOREGROUND', '-f', file],
    ready: /resuming normal operations/,
  }),
}

const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
const modules = ['mpm_event', 'authz_core', 'filter', 'deflate', 'proxy', 'proxy_http', 'socache_shmcb', 'ssl']

/** What the distribution's configuration has around ours. */
export const around: Record<ProxyKind, (directory: string, config: string) => string> = {
  nginx: (directory, config) => `
daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join('\n  ')}
  ${config}
}
`,
  haproxy: (_, config) => `
global
    maxconn 1000
${config}`,
  apache: (directory, config) => `
ServerRoot ${directory}
ServerName localhost
PidFile ${directory}/apache.pid
DefaultRuntimeDir ${directory}
Mutex sem
ErrorLog "|$/bin/cat 1>&2"
LogLevel notice
StartServers 1
User www-data
Group www-data
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
${config}`,
}
