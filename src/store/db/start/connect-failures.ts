import { errorCode } from '../../../runtime/poll.ts'
import { isUnavailable } from '../outages.ts'

/** Why a first connection fails: TLS; a server that refuses it until something is changed; one that is away. */
export type FailureKind = 'tls' | 'refused' | 'away'

const tlsCodes = /^(EPROTO|ERR_(TLS|SSL)_.*|(UNABLE|CERT|SELF_SIGNED|DEPTH_ZERO|CRL|HOSTNAME)_.*|INVALID_(CA|PURPOSE))$/
/** The driver gives them no code. */
const noTls = 'The server does not support SSL connections'
const tlsMessages =
  /^(There was an error establishing an SSL connection|Client network socket disconnected before secure TLS)/
/** SQLSTATE: authentication, no such database, no privilege, a protocol that a pooler does not speak. */
const refusals = /^(28|3D000|42501|08P01)/

export function failureKind(error: unknown): FailureKind {
  const [code = '', message] = [errorCode(error), messageOf(error)]
  if (tlsCodes.test(code) || message === noTls || tlsMessages.test(message)) return 'tls'
  return isUnavailable(error) && !refusals.test(code) ? 'away' : 'refused'
}

/** Whether a try with or without TLS may succeed. */
export const dependsOnTls = (error: unknown): boolean => failureKind(error) === 'tls' || errorCode(error) === '28000'

/** One sentence with a remedy where there is one, and without a secret: servers and the driver repeat no password. */
export function describeFailure(error: unknown): string {
  const [code = '', message] = [errorCode(error), messageOf(error)]
  if (message === noTls) return 'the server offers no TLS, which sslmode demands'
  if (failureKind(error) === 'tls') return `TLS with the server fails (${code || message}); see sslmode and sslrootcert`
  if (/client password must be a/.test(message)) return 'the server asks for a password, and the URL has none'
  if (code === '3D000') return `${message}; create it, owned by the role of the URL`
  return message
}

/** Whether a pooler refuses startup parameters that it does not know. */
export const takesNoSettings = (error: unknown): boolean =>
  errorCode(error) === '08P01' && /startup parameter/.test(messageOf(error))

/** The message of several failed addresses is empty. */
const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message || (errorCode(error) ?? error.name) : String(error)
