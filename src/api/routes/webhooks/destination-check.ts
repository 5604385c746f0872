import { isIP } from 'node:net'
import { RefusedError } from '../../../domain/errors.ts'
import type { ServerParts } from '../../context.ts'

/**
 * Refuses a URL that nothing would ever be posted to; `pointer` leads to it. Where a name leads is looked at when something
 * is posted, each time.
 */
export function checkDestination(
  { mayDial, plainHttp }: Pick<ServerParts, 'mayDial' | 'plainHttp'>,
  text: string,
  pointer: string,
) {
  const refuse = (message: string) => {
    throw new RefusedError([{ pointer, message }])
  }
  if (!URL.canParse(text)) return refuse('must be a URL')
  const { protocol, hostname, port, username, password, hash } = new URL(text)
  if (username || password) refuse('must not hold a password: use `authorization`')
  if (hash) refuse('must not have a fragment')
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol === 'http:' && !plainHttp && !isThisMachine(host))
    refuse('must be https: plain HTTP stays on this machine')
  const number = Number(port || (protocol === 'http:' ? 80 : 443))
  if (!mayDial(host, number)) refuse(`leads to ${host}:${number}, which PORTWARDEN_WEBHOOK_ALLOW does not allow`)
}

const isThisMachine = (host: string) =>
  isIP(host) === 4 ? host.startsWith('127.') : host === '::1' || host === 'localhost' || host.endsWith('.localhost')
