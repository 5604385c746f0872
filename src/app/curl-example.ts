import { X509Certificate } from 'node:crypto'
import { isIP, isIPv6 } from 'node:net'
import type { Listening } from '../config/index.ts'

interface Listened {
  /** Of the address that the service listens on. */
  url: string
  keyFile: string
  tls: Listening['tls']
}

/** A first request with curl, which works with a certificate of any authority and for any name. */
export function curlExample({ url, keyFile, tls }: Listened): string {
  const key = `-H "Authorization: Bearer $(cat ${quoted(keyFile)})"`
  if (!tls) return `curl ${key} ${url}/v1/policies`
  const { host, resolve } = namedEndpoint(new URL(url), tls.cert)
  return `curl ${[key, `--cacert ${quoted(tls.certFile)}`, ...resolve].join(' ')} https://${host}/v1/policies`
}

/** The endpoint by a name of its certificate, which curl checks, and the option with which curl finds it. */
function namedEndpoint({ hostname, port }: URL, cert: string): { host: string; resolve: string[] } {
  const { subjectAltName, subject } = new X509Certificate(cert)
  // Without alternative names curl takes the common name.
  const commonName = /^CN=(.+)$/m.exec(subject)?.[1] ?? ''
  const names = (subjectAltName ?? commonName).split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''))
  const address = hostname.replace(/[[\]]/g, '')
  const dnsName = names.find((name) => /^[\w*-]+(\.[\w-]+)*$/.test(name) && isIP(name) === 0)
  if (new X509Certificate(cert).checkIP(address)) return { host: `${hostname}:${port}`, resolve: [] }
  if (!dnsName) return { host: `${bracketed(names.find(isIP)) ?? hostname}:${port}`, resolve: [] }
  const name = dnsName.replace('*', 'portwarden')
  return { host: `${name}:${port}`, resolve: [`--resolve ${name}:${port}:${hostname}`] }
}

const bracketed = (address: string | undefined) => (address && isIPv6(address) ? `[${address}]` : address)

/** A word of a shell. */
const quoted = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`
