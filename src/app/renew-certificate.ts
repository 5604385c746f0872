import type { Logger } from 'pino'
import { renewTls } from '../api/http/listener.ts'
import { readTls } from '../config/index.ts'

type Listener = Parameters<typeof renewTls>[0]

/**
 * Reloads the certificate at SIGHUP, which must not end the process: log rotation and closing terminals send it too. Pass the
 * listener, if there is one, to the returned function. An unusable certificate leaves the previous one in use.
 */
export function renewCertificateAtHangup(log: Logger): (server: Listener | undefined) => void {
  const started = Promise.withResolvers<Listener | undefined>()
  process.on('SIGHUP', async () => {
    const server = await started.promise
    try {
      const tls = server && readTls(process.env)
      if (tls) renewTls(server, tls)
      log.info(tls ? 'the certificate was reloaded' : 'SIGHUP: there is no certificate to reload')
    } catch (err) {
      log.error({ err }, 'the certificate could not be reloaded')
    }
  })
  return started.resolve
}
