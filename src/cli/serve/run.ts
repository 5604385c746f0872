import type { Logger } from 'pino'
import { closeWithin } from '../../api/http/drain.ts'
import { type App, startApp } from '../../app/app.ts'
import { curlExample } from '../../app/curl-example.ts'
import { openLog } from '../../app/log.ts'
import { renewCertificateAtHangup } from '../../app/renew-certificate.ts'
import { serve } from '../../app/serve.ts'
import { type Config, readConfig, version } from '../../config/index.ts'
import { SetupError } from '../../domain/errors.ts'
import { isUnavailable } from '../../store/db/outages.ts'
import { describeFailure } from '../../store/db/start/connect-failures.ts'
import type { Role } from './roles.ts'

/** Part of the grace period for handing back work. */
const handBackMs = 3_000

/** Serves until the first signal, which may arrive during start. */
export async function run(role: Role): Promise<never> {
  const config = readConfig(process.env)
  try {
    return await serveUntilSignal(role, config, openLog(config.logLevel))
  } catch (error) {
    if (error instanceof SetupError || !isUnavailable(error)) throw error
    throw new SetupError(`the database went away during the start (${describeFailure(error)})`)
  }
}

async function serveUntilSignal(role: Role, config: Config, log: Logger): Promise<never> {
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
