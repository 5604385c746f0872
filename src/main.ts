import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Logger } from 'pino'
import { closeWithin } from './api/http/drain.ts'
import { renewTls } from './api/http/listener.ts'
import { buildServer } from './api/server.ts'
import { type App, startApp } from './app/app.ts'
import { openLog } from './app/log.ts'
import { type Config, ConfigError, readConfig, readTls, version } from './config/index.ts'
import { newKeyId } from './store/access/keys.ts'
import { DirectoryInUseError } from './store/db/embedded/index.ts'

const adminKeyName = 'admin'

/** Makes the first admin key and keeps it beside the data; answers where it lies, or undefined where it was made elsewhere. */
async function ensureAdminKey(app: App, config: Config): Promise<string | undefined> {
  const file = join(config.dataDir, 'admin.key')
  const stored = await readFile(file, 'utf8').catch(() => '')
  if (await app.stores.keys.authenticate(stored.trim(), new Date())) return file
  // On a shared database the key may have been made by another process; an embedded one is ours alone.
  if (!app.owner && (await app.stores.keys.exists(adminKeyName))) return undefined
  const key = await app.transaction(async ({ keys, ledger }) => {
    const id = newKeyId()
    const payload = { name: adminKeyName, scopes: ['admin'] }
    ledger.record({ actor: 'system', action: 'key.create', subject: id, payload })
    return keys.create(adminKeyName, ['admin'], { id })
  })
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  await writeFile(file, `${key}\n`, { mode: 0o600 })
  await chmod(file, 0o600) // the mode above does not apply to a file that was there
  return file
}

function urlOf(bound: string | AddressInfo | null, scheme: string): string {
  if (typeof bound !== 'object' || bound === null) throw new Error('the server does not listen on TCP')
  return `${scheme}://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
}

const roles = ['all', 'api', 'worker'] as const
type Role = (typeof roles)[number]

function readRole(argv: string[]): Role {
  const { values } = parseArgs({ args: argv, options: { role: { type: 'string', default: 'all' } } })
  const role = roles.find((known) => known === values.role)
  if (!role) throw new ConfigError('--role is not valid; a valid example: npm start -- --role worker')
  return role
}

/** The end of the time for a stop, in which what did not end by itself is handed back. */
const handBackMs = 3_000

/** Starts the process in its role and stops it at the first signal, which may come while it starts. */
async function run(role: Role, config: Config, log: Logger): Promise<void> {
  const signalled = firstSignal()
  const hasStarted = renewAtHangup(log)
  void signalled.then((signal) => {
    log.info({ signal }, 'stopping')
    setTimeout(
      () => {
        log.warn('the time for a stop is over; what was not handed back is missed soon and taken over')
        process.exit(0)
      },
      Math.max(config.graceMs, handBackMs),
    )
  })
  const app = await startApp(config, { exclusive: true, log })
  const server = await takeUp(role, app, { config, log }).catch(async (error: unknown) => {
    await app.close() // the embedded database would outlive this process
    throw error
  })
  hasStarted(server?.server)
  await signalled
  const patienceMs = Math.max(config.graceMs - handBackMs, 0)
  await Promise.all([server && closeWithin(server, patienceMs), app.rest(patienceMs)])
  await app.close()
  process.exit(0)
}

const firstSignal = () =>
  new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, resolve)
  })

async function takeUp(role: Role, app: App, { config, log }: { config: Config; log: Logger }) {
  if (role !== 'api') await app.work()
  if (role !== 'worker') return serve(app, config, log)
  const names = config.vantages.map(({ name }) => name)
  process.stdout.write(
    `Portwarden ${version} works for the vantage${names.length > 1 ? 's' : ''} ${names.join(', ')}\n`,
  )
  return undefined
}

type Listener = Parameters<typeof renewTls>[0]

/**
 * SIGHUP ends nobody: it comes of a rotation of logs and of a terminal that closes, too. What serves with a certificate takes up a renewed
 * one, as soon as it has started; one that cannot be used leaves the one before in place. Answers whom to tell what serves, if anything does.
 */
function renewAtHangup(log: Logger): (server: Listener | undefined) => void {
  const started = Promise.withResolvers<Listener | undefined>()
  process.on('SIGHUP', async () => {
    const server = await started.promise
    try {
      const tls = server && readTls(process.env)
      if (tls) renewTls(server, tls)
      log.info(tls ? 'the certificate was read again' : 'SIGHUP: there is no certificate to read again')
    } catch (err) {
      log.error({ err }, 'the certificate could not be read again')
    }
  })
  return started.resolve
}

async function serve(app: App, config: Config, log: Logger) {
  const server = await buildServer({ ...app, version, log })
  await app.notifier.prepare()
  const keyFile = await ensureAdminKey(app, config)
  const { host, port, tls } = config.listening
  await server.listen({ host, port })
  const url = urlOf(server.server.address(), tls ? 'https' : 'http')
  const key = keyFile ?? '(made by another process)'
  process.stdout.write(
    `Portwarden ${version} at ${url}  admin key: ${key}  try: curl -H "Authorization: Bearer $(cat '${key}')" ${url}/v1/policies\n`,
  )
  return server
}

try {
  const config = readConfig(process.env)
  await run(readRole(process.argv.slice(2)), config, openLog(config.logLevel))
} catch (error) {
  const expected = error instanceof ConfigError || error instanceof DirectoryInUseError
  process.stderr.write(`portwarden: ${expected ? error.message : error instanceof Error ? error.stack : error}\n`)
  process.exit(1)
}
