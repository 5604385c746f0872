import ipaddr from 'ipaddr.js'
import type { AddressResult, FactsByProbe, ProbeName } from '../domain/findings/observation.ts'
import type { ReasonCode } from '../domain/findings/reasons.ts'

/** A module of blackbox_exporter as our probes can answer it. */
export interface Module {
  probe: ProbeName
  succeeds(addressResult: AddressResult, now: Date): boolean
  /** The peer spoke, and not what was waited for. */
  misspoke?(addressResult: AddressResult): boolean
}

const tlsOf = ({ facts }: AddressResult) => facts as FactsByProbe['tls']
const isBanner = ({ facts }: AddressResult) => (facts as FactsByProbe['ssh']).protocolVersion === '2.0'
const handshakeDone = ({ reason }: AddressResult) => reason === 'tls-ok'

/** As Go's crypto/tls verifies: trusted, named, within its dates. What is not known is not so. */
function isVerified(addressResult: AddressResult, now: Date): boolean {
  const { trusted, nameMatches, certificate } = tlsOf(addressResult)
  const isCurrent =
    certificate !== undefined && now >= new Date(certificate.notBefore) && now <= new Date(certificate.notAfter)
  return handshakeDone(addressResult) && trusted === true && nameMatches === true && isCurrent
}

const ldapResponses: ReadonlySet<ReasonCode> = new Set([
  'ldap-responded',
  'ldap-anonymous-refused',
  'ldap-stronger-auth-required',
  'ldap-confidentiality-required',
])

const tlsVerified: Module = { probe: 'tls', succeeds: isVerified }

/** By name. `tcp_tls` is `tls_connect` under another name that is in use. */
export const modules = {
  tcp_connect: { probe: 'tcp', succeeds: ({ state }) => state === 'open' },
  tls_connect: tlsVerified,
  tcp_tls: tlsVerified,
  tls_connect_insecure: { probe: 'tls', succeeds: handshakeDone },
  ssh_banner: {
    probe: 'ssh',
    succeeds: isBanner,
    misspoke: (addressResult) =>
      addressResult.state === 'open' && !isBanner(addressResult) && addressResult.reason !== 'protocol-timeout',
  },
  ldap: { probe: 'ldap', succeeds: ({ reason }) => ldapResponses.has(reason) },
} as const satisfies Record<string, Module>

export type ModuleName = keyof typeof modules
export const moduleNames = Object.keys(modules) as ModuleName[]

/** What one look brought, and how long it took. */
export interface Probed {
  module: Module
  addressResult: AddressResult
  success: boolean
  lookupMs: number
  tookMs: number
}

/** A metric of blackbox_exporter, by its name and its words; it writes a value. */
const gauge = (name: string, help: string) => {
  const head = `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name}`
  return (value: number, labels?: Record<string, string>) => `${head}${labels ? series(labels) : ''} ${value}\n`
}

const lookupSeconds = gauge('probe_dns_lookup_time_seconds', 'Returns the time taken for probe dns lookup in seconds')
const durationSeconds = gauge('probe_duration_seconds', 'Returns how long the probe took to complete in seconds')
const failedRegex = gauge('probe_failed_due_to_regex', 'Indicates if probe failed due to regex')
const addressHash = gauge('probe_ip_addr_hash', 'Specifies the hash of IP address')
const ipProtocol = gauge('probe_ip_protocol', 'Specifies whether probe ip protocol is IP4 or IP6')
const certificateExpiry = gauge('probe_ssl_earliest_cert_expiry', 'Returns earliest SSL cert expiry date')
const certificateInfo = gauge('probe_ssl_last_chain_info', 'Contains SSL leaf certificate information')
const tlsVersion = gauge('probe_tls_version_info', 'Returns the TLS version used or NaN when unknown')
const succeeded = gauge('probe_success', 'Displays whether or not the probe was a success')

/** What blackbox_exporter would tell, with the same meaning; what is not known is left out. */
export function renderBlackbox({ module, addressResult, success, lookupMs, tookMs }: Probed): string {
  return [
    lookupSeconds(lookupMs / 1000),
    durationSeconds(tookMs / 1000),
    failedRegex(module.misspoke?.(addressResult) ? 1 : 0),
    addressResult.address === null ? '' : aboutAddress(addressResult.address),
    module.probe === 'tls' ? aboutTls(addressResult) : '',
    succeeded(success ? 1 : 0),
  ].join('')
}

function aboutAddress(address: string): string {
  const ip = ipaddr.process(address) // an IPv4-mapped address is IPv4 to Go too
  return addressHash(fnv1a(ip.toByteArray())) + ipProtocol(ip.kind() === 'ipv6' ? 6 : 4)
}

function aboutTls(addressResult: AddressResult): string {
  const { certificate, protocol } = tlsOf(addressResult)
  const expiresAt = addressResult.measurements?.chainExpiresAt
  const names = certificate?.sans.flatMap((san) => (san.startsWith('DNS:') ? [san.slice('DNS:'.length)] : [])) ?? []
  return [
    expiresAt ? certificateExpiry(Date.parse(expiresAt) / 1000) : '',
    certificate
      ? certificateInfo(1, {
          fingerprint_sha256: certificate.sha256,
          issuer: certificate.issuer,
          subject: certificate.subject,
          subjectalternative: names.join(','),
        })
      : '',
    protocol ? tlsVersion(1, { version: nameVersion(protocol) }) : '',
  ].join('')
}

/** `TLSv1` is `TLS 1.0` in Go. */
const nameVersion = (protocol: string) => (protocol === 'TLSv1' ? 'TLS 1.0' : protocol.replace('TLSv', 'TLS '))

const series = (labels: Record<string, string>) =>
  `{${Object.entries(labels)
    .map(([label, text]) => `${label}="${escapeLabel(text)}"`)
    .join()}}`

const escapeLabel = (text: string) => text.replace(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`))

/** FNV-1a, 32 bits. */
const fnv1a = (bytes: readonly number[]): number =>
  bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 16_777_619) >>> 0, 0x811c9dc5)
