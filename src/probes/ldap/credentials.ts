import { readFile } from 'node:fs/promises'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { type Network, parseNetwork } from '../network/cidr.ts'
import { parseLiteral } from '../network/ip-literal.ts'

export interface Credential {
  /** A user principal name or a distinguished name. */
  user: string
  password: string
}

/** Permits a credential at this vantage, for these networks; grants add up. */
export interface CredentialGrant {
  ref: string
  destinations: readonly string[]
}

/**
 * Resolves credential references at the vantage: `env:NAME` or `file:/PATH` with the content `{"user": "…", "password": "…"}`.
 * Reads only references with a grant, for addresses inside its networks, and never logs or stores the value.
 * Throws if the destination of a grant is not a network.
 */
export function createCredentials(grants: readonly CredentialGrant[], env: NodeJS.ProcessEnv) {
  const networks = new Map<string, Network[]>()
  for (const { ref, destinations } of grants)
    networks.set(ref, [...(networks.get(ref) ?? []), ...destinations.map(parseNetwork)])
  return async (ref: string, endpoint: { address: string }): Promise<Credential | ReasonCode> => {
    const destinations = networks.get(ref)
    if (!destinations) return 'credential-unavailable'
    const address = parseLiteral(endpoint.address)
    const allowed = address !== undefined && destinations.some((network) => network.covers(address))
    if (!allowed) return 'credential-not-allowed'
    return (await readCredential(ref, env)) ?? 'credential-unavailable'
  }
}

async function readCredential(ref: string, env: NodeJS.ProcessEnv): Promise<Credential | undefined> {
  const [kind, source = ''] = [ref.slice(0, ref.indexOf(':')), ref.slice(ref.indexOf(':') + 1)]
  try {
    const value: unknown = JSON.parse((kind === 'env' ? env[source] : await readFile(source, 'utf8')) ?? '')
    return isCredential(value) ? { user: value.user, password: value.password } : undefined
  } catch {
    return undefined // the error text could quote the secret
  }
}

// RFC 4513 section 5.1.2: an empty password binds anonymously, a false pass.
const isCredential = (value: unknown): value is Credential =>
  typeof value === 'object' &&
  value !== null &&
  'user' in value &&
  'password' in value &&
  typeof value.user === 'string' &&
  typeof value.password === 'string' &&
  value.user !== '' &&
  value.password !== ''
