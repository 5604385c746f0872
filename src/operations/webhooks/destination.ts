import { isIP } from 'node:net'
import { RefusedError } from '../../domain/errors.ts'

/** Where webhooks may be posted to. */
export interface DestinationRules {
  /** Whether the egress policy of webhooks allows the host, without resolving its name. */
  mayDial(host: string, port: number): boolean
  /** Whether plain HTTP may leave this machine. */
  plainHttp: boolean
}

/**
 * Throws RefusedError for a URL that no event could be posted to; `pointer` leads to it. Names are resolved and checked again
 * for each post.
 */
export function checkDestination({ mayDial, plainHttp }: DestinationRules, text: string, pointer: string): void {
  const refused = (message: string) => new RefusedError([{ pointer, message }])
  if (!URL.canParse(text)) throw refused('must be a URL')
  const { protocol, hostname, port, username, password, hash } = new URL(text)
  if (username || password) throw refused('must not hold a password: use `authorization`')
  if (hash) throw refused('must not have a fragment')
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol === 'http:' && !plainHttp && !isThisMachine(host))
    throw refused('must be https: plain HTTP is allowed to this machine only')
  const number = Number(port || (protocol === 'http:' ? 80 : 443))
  if (!mayDial(host, number)) throw refused(`leads to ${host}:${number}, which PORTWARDEN_WEBHOOK_ALLOW does not allow`)
}

const isThisMachine = (host: string) =>
  isIP(host) === 4 ? host.startsWith('127.') : host === '::1' || host === 'localhost' || host.endsWith('.localhost')
