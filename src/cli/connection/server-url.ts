import { UsageError } from '../command.ts'

/** The URL of a service to which a key may be sent. */
export function readServer(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError('--server must be the URL of the service, such as https://portwarden.example')
  if (url.username || url.password)
    throw new UsageError('--server must not hold a password: the key comes from the environment')
  const isLocal = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url.protocol === 'http:' && !isLocal)
    throw new UsageError('--server must begin with https://, because the key must not be sent unencrypted')
  return url
}
