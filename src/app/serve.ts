import type { AddressInfo } from 'node:net'
import { buildServer } from '../api/server.ts'
import type { Config } from '../config/index.ts'
import { prepareCallbacks } from '../operations/webhooks/callbacks.ts'
import { resealSecrets } from '../operations/webhooks/reseal.ts'
import { readSecretFile } from '../store/access/secret-file.ts'
import { ensureAdminKey } from './admin-key.ts'
import type { App } from './app.ts'

export interface Served {
  server: Awaited<ReturnType<typeof buildServer>>
  url: string
  /** Undefined when another process created the admin key. */
  keyFile: string | undefined
  /** Signs in with the admin key, once, within 10 minutes; undefined where others could read it on its way, or without a console. */
  signInLink: string | undefined
}

/** Starts the HTTP server on the configured address. */
export async function serve(app: App, { dataDir, listening: { host, port, tls } }: Config): Promise<Served> {
  const server = await buildServer(app.serverParts)
  await prepareCallbacks(app.serverParts, (err) => app.serverParts.log.error({ err }, 'webhooks'))
  await resealSecrets(app.serverParts)
  const keyFile = await ensureAdminKey(app, dataDir)
  // Fastify does not know that the listener of its `serverFactory` speaks TLS.
  const listenTextResolver = (address: string) =>
    `Server listening at ${tls ? address.replace(/^http:/, 'https:') : address}`
  await server.listen({ host, port, listenTextResolver })
  const url = urlOf(server.server.address(), tls ? 'https' : 'http')
  return { server, url, keyFile, signInLink: app.serverParts.console && signInLinkFor(app, url, keyFile) }
}

/** The fragment of a URL reaches no server and no log. */
function signInLinkFor(app: App, url: string, keyFile: string | undefined): string | undefined {
  const [, keyId] = (keyFile && readSecretFile(keyFile)?.split('_')) || []
  if (keyId === undefined || !/^https?:\/\/(127\.|\[::1\])/.test(url)) return undefined
  return `${url}/ui/sign-in#token=${app.serverParts.signInLinks.create(keyId, app.now())}`
}

function urlOf(bound: string | AddressInfo | null, scheme: string): string {
  if (typeof bound !== 'object' || bound === null) throw new Error('the server does not listen on TCP')
  return `${scheme}://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
}
