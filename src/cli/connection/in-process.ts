import { randomBytes } from 'node:crypto'
import { buildServer } from '../../api/server.ts'
import { startApp } from '../../app/app.ts'
import { openLog } from '../../app/log.ts'
import { readConfig } from '../../config/index.ts'
import { awaitTraces } from '../../operations/traces/await-traces.ts'
import type { PageUrls } from '../../report/page-urls.ts'

/** A trace of a silent port takes some six seconds, and two run at the same time. */
const tracesLimitMs = 30_000

/** A service in this process, which lives until it is disposed of. */
export interface LocalService extends AsyncDisposable {
  url: URL
  key: string
  pages: PageUrls
  /** Waits for the traces of what an ended audit found newly blocked. */
  awaitTraces(auditId: string): Promise<void>
}

/**
 * Opens the configured or the embedded database, and serves its API on a free port of loopback to this process alone: its key
 * is in no file and no database. With `probe` it also works as the configured vantages.
 */
export async function openLocalService({
  probe,
  signal,
}: {
  probe: boolean
  signal?: AbortSignal
}): Promise<LocalService> {
  const log = openLog(process.env.PORTWARDEN_LOG_LEVEL ?? 'warn')
  const config = readConfig(process.env)
  await using opening = new AsyncDisposableStack()
  const app = await startApp(config, { exclusive: false, log, signal })
  opening.defer(app.close)
  if (probe) await app.work()
  const key = randomBytes(32).toString('base64url')
  const listening = { ...config.listening, tls: undefined, behindProxy: false, pathPrefix: '' }
  const server = await buildServer({ ...app.serverParts, listening, commandKey: key })
  opening.defer(async () => {
    server.server.closeAllConnections() // those of this process, which are idle
    await server.close()
  })
  const url = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
  const opened = opening.move()
  const traces = { ...app, waitForEnd: app.notifications.waitForEnd }
  return {
    url,
    key,
    pages: app.pages,
    async awaitTraces(auditId) {
      if (probe && config.traceChanges) await awaitTraces(traces, auditId, tracesLimitMs)
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
