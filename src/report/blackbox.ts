import ipaddr from 'ipaddr.js'
import type { AddressResult } from '../domain/findings/observation.ts'
import { anyProtocols, type ModuleName, type ProtocolName, protocolNames } from '../domain/protocols/index.ts'
import type { ProbeModule } from '../domain/protocols/protocol.ts'
import type { TlsFacts } from '../domain/protocols/tls.ts'

/** A module of blackbox_exporter that a probe serves. */
export interface Module extends ProbeModule<never> {
  probe: ProtocolName
}

/** The modules of all protocols, by name. */
export const modules = Object.fromEntries(
  protocolNames.flatMap((probe) =>
    Object.entries(anyProtocols[probe].modules).map(([name, module]) => [name, { probe, ...module }]),
  ),
) as { readonly [Name in ModuleName]: Module }
export const moduleNames = Object.keys(modules) as ModuleName[]

/** A module's judgement of a probe's result. */
interface Assessment {
  success: boolean
  /** The peer sent something else than expected. */
  misspoke: boolean
}

/** Judges a result as blackbox_exporter's module would. */
export function assess(module: Module, { state, reason, facts }: AddressResult, now: Date): Assessment {
  const seen = { state, reason, facts: facts as never, observedAt: now.getTime() }
  return { success: module.succeeds(seen), misspoke: module.misspoke?.(seen) ?? false }
}

interface Probed {
  addressResult: AddressResult
  assessment: Assessment
  lookupMs: number
  tookMs: number
}

/** Returns a renderer for one metric. */
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
const lastChainExpiry = gauge(
  'probe_ssl_last_chain_expiry_timestamp_seconds',
  'Returns last SSL chain expiry in unixtime',
)
const certificateInfo = gauge('probe_ssl_last_chain_info', 'Contains SSL leaf certificate information')
const tlsVersion = gauge('probe_tls_version_info', 'Returns the TLS version used or NaN when unknown')
const succeeded = gauge('probe_success', 'Displays whether or not the probe was a success')

/** Renders blackbox_exporter's metrics; omits unknown values. */
export function renderBlackbox({ addressResult, assessment, lookupMs, tookMs }: Probed): string {
  return [
    lookupSeconds(lookupMs / 1000),
    durationSeconds(tookMs / 1000),
    failedRegex(assessment.misspoke ? 1 : 0),
    addressResult.address === null ? '' : aboutAddress(addressResult.address),
    aboutTls(addressResult),
    succeeded(assessment.success ? 1 : 0),
  ].join('')
}

function aboutAddress(address: string): string {
  const ip = ipaddr.process(address) // an IPv4-mapped address is IPv4 to Go too
  return addressHash(fnv1a(ip.toByteArray())) + ipProtocol(ip.kind() === 'ipv6' ? 6 : 4)
}

/** Of the session that the facts hold, if they hold one. */
function aboutTls({ facts, measurements }: AddressResult): string {
  const { certificate, protocol }: TlsFacts = facts
  const { chainExpiresAt, trustedUntil } = measurements ?? {}
  const names = certificate?.sans?.flatMap((san) => (san.startsWith('DNS:') ? [san.slice('DNS:'.length)] : [])) ?? []
  return [
    chainExpiresAt ? certificateExpiry(Date.parse(chainExpiresAt) / 1000) : '',
    trustedUntil ? lastChainExpiry(Date.parse(trustedUntil) / 1000) : '',
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
