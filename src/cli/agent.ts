import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openProcessConnector } from '../app/connector.ts'
import { openLog } from '../app/log.ts'
import { ConfigError, readConfig, readSecret, version } from '../config/index.ts'
import { openBudget, openProber } from '../probes/engine/prober.ts'
import { createOwnEndpoints, type OwnEndpoints, ownNamesEveryMs } from '../probes/network/denied-endpoints.ts'
import { systemLookup } from '../probes/network/resolve.ts'
import { createDeliveries } from './agent/deliveries.ts'
import { connectToServer } from './agent/server.ts'
import { openSpool } from './agent/spool.ts'
import { traceAsAgent } from './agent/traces.ts'
import { workAsAgent } from './agent/work.ts'
import { runCommand, UsageError } from './command.ts'

const usage = `usage: npm run agent -- --server URL --vantage NAME [--ca FILE] [--spool DIRECTORY]

Probes from a vantage that cannot reach the database, and delivers the observations to the service.
The key comes from PORTWARDEN_AGENT_KEY, or from the file that PORTWARDEN_AGENT_KEY_FILE names.`

interface Request {
  url: URL
  vantage: string
  caFile?: string
  spool?: string
}

function readRequest(argv: string[]): Request | 'help' {
  const { values } = parseArgs({
    args: argv,
    options: {
      server: { type: 'string' },
      vantage: { type: 'string' },
      ca: { type: 'string' },
      spool: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const { server = '', vantage = '' } = values
  if (!URL.canParse(server))
    throw new UsageError('--server must be the URL of the service, such as https://portwarden.example')
  const url = new URL(server)
  const isLocal = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal))
    throw new UsageError('--server must begin with https://, because the key must not be sent unencrypted')
  if (url.username || url.password) throw new UsageError('--server must not hold a password: set PORTWARDEN_AGENT_KEY')
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(vantage))
    throw new UsageError('--vantage must be the name of the vantage that the key is for')
  return { url, vantage, caFile: values.ca, spool: values.spool }
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

async function run(request: Request): Promise<number> {
  const config = readConfig({ ...process.env, PORTWARDEN_VANTAGE: request.vantage })
  const log = openLog(config.logLevel)
  const ca = request.caFile === undefined ? undefined : await readFile(request.caFile, 'utf8')
  const server = connectToServer({ url: request.url, key: readKey(process.env), ca, env: process.env })
  const spool = await openSpool(request.spool ?? join(config.dataDir, `agent-${request.vantage}`))
  const own = await findServer(request.url)
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
  const path = `/v1/vantages/${request.vantage}/leases`
  const deliveries = createDeliveries({ server, spool, path, log, signal })
  await deliveries.resume()
  await prober.isOnline() // the first request reports its state
  console.log(`Portwarden ${version} probes from ${request.vantage} for ${request.url.origin}`)
  const traces = traceAsAgent({
    server,
    tracer: prober.tracer,
    path: `/v1/vantages/${request.vantage}/traces`,
    log,
    signal,
  })
  await workAsAgent({ server, deliveries, prober, path, batches: config.batches, version, log, signal })
  await traces
  await deliveries.settled()
  server.close()
  return 0
}

await runCommand(usage, readRequest, run)
