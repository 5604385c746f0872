import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openProcessConnector } from '../../app/connector.ts'
import { openLog } from '../../app/log.ts'
import { ConfigError, readConfig, readSecret, version } from '../../config/index.ts'
import { openBudget, openProber } from '../../probes/engine/prober.ts'
import { createOwnEndpoints, type OwnEndpoints, ownNamesEveryMs } from '../../probes/network/denied-endpoints.ts'
import { systemLookup } from '../../probes/network/resolve.ts'
import { createDeliveries } from './deliveries.ts'
import { connectToServer } from './server.ts'
import { openSpool } from './spool.ts'
import { traceAsAgent } from './traces.ts'
import { workAsAgent } from './work.ts'

export interface Request {
  server: URL
  vantage: string
  /** A PEM file with the authority of the server's certificate. */
  ca?: string
  /** The directory of results that the server could not receive yet. */
  spool?: string
}

function readKey(env: NodeJS.ProcessEnv): string {
  const key = readSecret(env, 'PORTWARDEN_AGENT_KEY')
  if (key === undefined || !/^pw_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/.test(key))
    throw new ConfigError('PORTWARDEN_AGENT_KEY is not valid; a valid example: PORTWARDEN_AGENT_KEY=pw_0123456789ab_…')
  return key
}

/** The endpoints of the service, which agents never probe. */
async function findServer({ hostname, port, protocol }: URL): Promise<OwnEndpoints> {
  const own = createOwnEndpoints(systemLookup)
  await own.addHost(hostname.replace(/^\[|\]$/g, ''), Number(port || (protocol === 'http:' ? 80 : 443)))
  setInterval(() => void own.refresh(), ownNamesEveryMs).unref()
  return own
}

/** Probes until a signal. */
export async function run({ server: url, vantage, ...files }: Request): Promise<number> {
  const config = readConfig({ ...process.env, PORTWARDEN_VANTAGE: vantage })
  const log = openLog(config.logLevel)
  const ca = files.ca === undefined ? undefined : await readFile(files.ca, 'utf8')
  const server = connectToServer({ url, key: readKey(process.env), ca, env: process.env })
  const spool = await openSpool(files.spool ?? join(config.dataDir, `agent-${vantage}`))
  const own = await findServer(url)
  await using stack = new AsyncDisposableStack()
  const prober = openProber({
    ...config.vantages[0],
    probeTimeoutMs: config.probeTimeoutMs,
    budget: openBudget(config),
    connector: await openProcessConnector(stack, config, log),
    never: own.list,
    version,
    env: process.env,
    clock: () => new Date(),
    log: (err, { probe, host, port }) => log.error({ err, probe, host, port }, 'a probe failed'),
  })
  const stopping = new AbortController()
  const { signal } = stopping
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      log.info({ signal: name }, 'stopping')
      stopping.abort()
      setTimeout(() => process.exit(0), config.graceMs).unref() // the next process delivers the spool
    })
  }
  // Log rotation and closing terminals send SIGHUP, too.
  process.on('SIGHUP', () => log.info('SIGHUP: there is nothing to reload'))
  const path = `/v1/vantages/${vantage}/leases`
  const deliveries = createDeliveries({ server, spool, path, log, signal })
  await deliveries.resume()
  await prober.isOnline() // the first request reports its state
  console.log(`Portwarden ${version} probes from ${vantage} for ${url.origin}`)
  const traces = traceAsAgent({
    server,
    tracer: prober.tracer,
    path: `/v1/vantages/${vantage}/traces`,
    log,
    signal,
  })
  await workAsAgent({ server, deliveries, prober, path, batches: config.batches, version, log, signal })
  await traces
  await deliveries.settled()
  server.close()
  return 0
}
