import { isIP } from 'node:net'
import { isHost } from '../domain/findings/endpoint.ts'
import { canonicalCidr } from '../probes/network/cidr.ts'
import { type AllowEntry, createEgressPolicy, parseAllow } from '../probes/network/egress-policy.ts'
import { ConfigError, readSetting, refused } from './env.ts'

/** A vantage that this process serves. */
export interface VantageConfig {
  name: string
  zones: string[]
  /** Endpoints that accept connections whenever this vantage is online. */
  canary: { host: string; port: number }[]
  allow: readonly AllowEntry[]
  credentials: CredentialConfig[]
  /** PEM: additional authorities for the servers that receive a credential. Undefined: those of the check. */
  credentialCa: string | undefined
}

/** A credential reference, and the only networks (CIDR) that may receive the credential. */
interface CredentialConfig {
  ref: string
  destinations: string[]
}

export const loopbackAndPrivate = '127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7'
const nameWord = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?'
const name = RegExp(`^${nameWord}$`)

/** Reads the vantages of this process; other variables apply to all of them or, as `NAME=VALUE;NAME=VALUE`, to single ones. */
export function readVantages(env: NodeJS.ProcessEnv): [VantageConfig, ...VantageConfig[]] {
  const names = (env.PORTWARDEN_VANTAGE || 'local').split(',').map((one) => one.trim())
  const [first, ...rest] = names
  if (first === undefined || !names.every((one) => name.test(one)) || new Set(names).size < names.length)
    throw refused('PORTWARDEN_VANTAGE', 'branch-office,dmz')
  const zonesOf = byVantage('PORTWARDEN_ZONES', env, { names, whenUnset: 'client', needed: true })
  const allowOf = byVantage('PORTWARDEN_ALLOW', env, { names, whenUnset: loopbackAndPrivate, needed: true })
  const canaryOf = byVantage('PORTWARDEN_CANARY', env, { names, whenUnset: '', needed: false })
  const credentialsOf = byVantage('PORTWARDEN_CREDENTIALS', env, { names, whenUnset: '', needed: false })
  const credentialCa = readAuthorities(env.PORTWARDEN_CREDENTIAL_CA)
  const read = (one: string): VantageConfig => {
    const allow = readAllow(allowOf(one))
    return {
      name: one,
      zones: readZones(zonesOf(one)),
      canary: readCanary(canaryOf(one), allow),
      allow,
      credentials: readGrants(credentialsOf(one)),
      credentialCa,
    }
  }
  return [read(first), ...rest.map(read)]
}

/** The value of a variable per vantage. A `needed` variable that names one vantage must name all. */
function byVantage(
  variable: string,
  env: NodeJS.ProcessEnv,
  { names, whenUnset, needed }: { names: readonly string[]; whenUnset: string; needed: boolean },
): (name: string) => string {
  const text = env[variable] || whenUnset
  const parts = text
    .split(RegExp(`;(?=\\s*${nameWord}=)`))
    .map((part) => RegExp(`^\\s*(${nameWord})=(.*)$`, 's').exec(part))
  if (!parts[0]) return () => text
  const values = new Map<string, string>()
  for (const [, name, value] of parts as RegExpExecArray[]) values.set(String(name), String(value))
  const unknown = [...values.keys()].find((key) => !names.includes(key))
  if (unknown !== undefined)
    throw new ConfigError(`${variable} names ${unknown}, which PORTWARDEN_VANTAGE does not: add it there`)
  if (values.size < parts.length) throw new ConfigError(`${variable} names a vantage twice`)
  const without = names.find((key) => !values.has(key))
  if (needed && without !== undefined)
    throw new ConfigError(`${variable} has no value for ${without}; a valid example: ${variable}=${text};${without}=…`)
  return (key) => values.get(key) ?? ''
}

function readZones(value: string): string[] {
  const zones = value.split(',').map((zone) => zone.trim())
  if (!zones.every((zone) => name.test(zone))) throw refused('PORTWARDEN_ZONES', 'client,untrusted')
  return zones
}

export function readAllow(value: string, variable = 'PORTWARDEN_ALLOW'): readonly AllowEntry[] {
  try {
    return parseAllow(value)
  } catch (error) {
    throw new ConfigError(`${variable} is not valid: ${error instanceof Error ? error.message : error}`)
  }
}

/** `HOST:PORT,HOST:PORT…`, an IPv6 address in brackets. A forbidden canary would make the vantage appear offline. */
function readCanary(value: string, allow: readonly AllowEntry[]): { host: string; port: number }[] {
  const egress = createEgressPolicy({ allow })
  return entriesOf(value).map((entry) => {
    const [, bracketed, plain, port] = /^\s*(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})\s*$/.exec(entry) ?? []
    const host = bracketed ?? plain
    if (host === undefined || !isHost(host) || Number(port) < 1 || Number(port) > 65_535)
      throw refused('PORTWARDEN_CANARY', '10.0.0.1:443,[fd00::1]:22')
    if (isIP(host) !== 0 && !egress.permits(host, Number(port))) {
      throw new ConfigError(
        `PORTWARDEN_CANARY names ${entry.trim()}, which PORTWARDEN_ALLOW does not allow: add its network`,
      )
    }
    return { host, port: Number(port) }
  })
}

/** `REF@CIDR,REF@CIDR…`: credential references with the networks that may receive them. */
function readGrants(value: string): CredentialConfig[] {
  return entriesOf(value).map((entry) => {
    const [, ref, cidr] = /^\s*((?:env:[A-Za-z_]\w*|file:\/[^@,]+))@([^@\s]+)\s*$/.exec(entry) ?? []
    if (!ref || !cidr || canonicalCidr(cidr) !== cidr)
      throw refused('PORTWARDEN_CREDENTIALS', 'env:AD_AUDIT@10.0.0.10/32')
    return { ref, destinations: [cidr] }
  })
}

function readAuthorities(file: string | undefined): string | undefined {
  if (!file) return undefined
  const pem = readSetting('PORTWARDEN_CREDENTIAL_CA', file)
  if (/-----BEGIN CERTIFICATE-----/.test(pem)) return pem
  throw new ConfigError(`PORTWARDEN_CREDENTIAL_CA names a file without a certificate in PEM: ${file}`)
}

const entriesOf = (value: string) => value.split(',').filter((entry) => entry.trim() !== '')
