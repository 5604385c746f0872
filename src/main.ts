import { parseArgs } from 'node:util'
import type { Logger } from 'pino'
import { closeWithin } from './api/http/drain.ts'
import { type App, startApp } from './app/app.ts'
import { curlExample } from './app/curl-example.ts'
import { openLog } from './app/log.ts'
import { renewCertificateAtHangup } from './app/renew-certificate.ts'
import { serve } from './app/serve.ts'
import { type Config, ConfigError, readConfig, version } from './config/index.ts'
import { SetupError } from './domain/errors.ts'
import { isUnavailable } from './store/db/outages.ts'
import { describeFailure } from './store/db/start/connect-failures.ts'

const roles = ['all', 'api', 'worker'] as const
type Role = (typeof roles)[number]

const usage = `usage: npm start -- [--role all|api|worker]

Serves the API, makes the probes of the vantages of this process, or both (default: all).
Exit status: 0 after SIGTERM or SIGINT, 1 for an error.`

function readRole(argv: string[]): Role | 'help' {
  const { values } = parseArgs({
    args: argv,
    options: {
      role: { type: 'string', default: 'all' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const role = roles.find((known) => known === values.role)
  if (!role) throw new ConfigError('--role is not valid; a valid example: npm start -- --role worker')
  return role
}

/** Part of the grace period for handing back work. */
const handBackMs = 3_000

/** Runs until the first signal, which may arrive during start. */
async function run(role: Role, config: Config, log: Logger): Promise<void> {
  process.stdout.on('error', (err) => log.warn({ err }, 'standard output was closed')) // the service goes on
  const signalled = firstSignal()
  const hasStarted = renewCertificateAtHangup(log)
  void signalled.then((signal) => {
    log.info({ signal }, 'stopping')
    exitAfter(Math.max(config.graceMs, handBackMs), log)
  })
  const starting = new AbortController()
  void signalled.then(() => starting.abort())
  const app = await startApp(config, { exclusive: true, log, signal: starting.signal }).catch((error: unknown) => {
    if (starting.signal.aborted) process.exit(0)
    throw error
  })
  const server = await start(role, app, config).catch(async (error: unknown) => {
    await app.close() // the embedded database would outlive this process
    throw error
  })
  hasStarted(server?.server)
  await signalled
  const graceMs = Math.max(config.graceMs - handBackMs, 0)
  await Promise.all([server && closeWithin(server, graceMs), app.rest(graceMs)])
  await app.close()
  process.exit(0)
}

const firstSignal = () =>
  new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, resolve)
  })

function exitAfter(ms: number, log: Logger): void {
  setTimeout(() => {
    log.warn('the grace period is over; another worker takes over the unfinished work after its heartbeat expires')
    process.exit(0)
  }, ms)
}

async function start(role: Role, app: App, config: Config) {
  if (role !== 'api') await app.work()
  if (role === 'worker') {
    const names = config.vantages.map(({ name }) => name)
    const plural = names.length > 1 ? 's' : ''
    process.stdout.write(`Portwarden ${version} works for the vantage${plural} ${names.join(', ')}\n`)
    return undefined
  }
  const { server, url, keyFile = '(created by another process)', signInLink } = await serve(app, config)
  const example = curlExample({ url, keyFile, tls: config.listening.tls })
  process.stdout.write(`Portwarden ${version} at ${url}  admin key: ${keyFile}  try: ${example}\n`)
  if (signInLink) process.stdout.write(`Console, signs in once within 10 minutes: ${signInLink}\n`)
  return server
}

const isMisuse = (error: unknown): error is TypeError =>
  error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')

try {
  const role = readRole(process.argv.slice(2))
  if (role === 'help') {
    process.stdout.write(`${usage}\n`)
    process.exit(0)
  }
  const config = readConfig(process.env)
  await run(role, config, openLog(config.logLevel))
} catch (error) {
  const expected = error instanceof ConfigError || error instanceof SetupError || isMisuse(error)
  const reason = isUnavailable(error)
    ? `the database went away during the start (${describeFailure(error)})`
    : undefined
  const text = expected ? error.message : (reason ?? (error instanceof Error ? error.stack : error))
  process.stderr.write(`portwarden: ${text}\n`)
  process.exit(1)
}
