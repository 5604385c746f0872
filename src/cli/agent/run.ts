import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { openProcessConnector } from '../../app/connector.ts'
import { openLog } from '../../app/log.ts'
import { ConfigError, readConfig, readSecret, version } from '../../config/index.ts'
import { DiscoveryLease } from '../../domain/learning/discovery.ts'
import { TraceLease } from '../../domain/traces/trace.ts'
import { runDiscovery } from '../../operations/learning/run-discovery.ts'
import { openBudget, openProber } from '../../probes/engine/prober.ts'
import { createOwnEndpoints, type OwnEndpoints, ownNamesEveryMs } from '../../probes/network/denied-endpoints.ts'
import { systemLookup } from '../../probes/network/resolve.ts'
import { createDeliveries } from './deliveries.ts'
import { leaseAsAgent } from './lease-loop.ts'
import { connectToServer } from './server.ts'
import { openSpool } from './spool.ts'
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

const isOf =
  <S extends TSchema>(schema: S) =>
  (body: unknown): body is Static<S> =>
    Value.Check<TSchema>(schema, body)

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
  const onError = (err: unknown) => log.error({ err }, 'a discovery failed')
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
  const others = Promise.all([
    leaseAsAgent({
      ...{ server, log, signal, noun: 'trace', path: `/v1/vantages/${vantage}/traces`, isLease: isOf(TraceLease) },
      work: (lease) => prober.tracer.trace(lease, signal),
    }),
    leaseAsAgent({
      ...{
        server,
        log,
        signal,
        noun: 'discovery',
        path: `/v1/vantages/${vantage}/discoveries`,
        isLease: isOf(DiscoveryLease),
      },
      work: (lease) => runDiscovery({ runner: prober, now: () => new Date(), signal, onError }, lease),
    }),
  ])
  await workAsAgent({ server, deliveries, prober, path, batches: config.batches, version, log, signal })
  await others
  await deliveries.settled()
  server.close()
  return 0
}
