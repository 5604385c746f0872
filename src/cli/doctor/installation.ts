import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabaseServer } from '../../app/database.ts'
import { type Config, readConfig } from '../../config/index.ts'
import { clusterHome } from '../../store/db/embedded/index.ts'
import { checkCertificate } from './certificate.ts'
import { attempt, type Check, type Checks, fail, messageOf, ok, skip, warn } from './check.ts'
import { checkDatabase } from './database.ts'
import { checkDataDirectory } from './files.ts'
import { checkIssuer, checkProbing, checkPublicUrl } from './network.ts'

/** Checks the service that an environment configures. */
export async function* checkInstallation(env: NodeJS.ProcessEnv): Checks {
  const { config, check } = readSettings(env)
  yield check
  if (!config) return
  yield await attempt('data directory', () => checkDataDirectory(config))
  await using stack = new AsyncDisposableStack()
  yield* checkDatabaseServer(stack, config)
  if (config.listening.tls) yield checkCertificate(config.listening, new Date())
  if (config.listening.publicUrl !== undefined) yield await checkPublicUrl(config.listening.publicUrl)
  if (config.tokens) yield await checkIssuer(config.tokens.issuer)
  yield* checkProbing(config, env)
}

/** Settings that commands read themselves. */
const otherSettings = ['PORTWARDEN_AGENT_KEY', 'PORTWARDEN_KEY'].flatMap((name) => [name, `${name}_FILE`])

/** Reads the settings, and finds those that nothing reads: a wrong name has no effect, and says nothing. */
function readSettings(env: NodeJS.ProcessEnv): { config?: Config; check: Check } {
  const known = new Set<string | symbol>(otherSettings)
  const watched = new Proxy(env, {
    get(target, name) {
      known.add(name)
      return target[String(name)]
    },
  })
  try {
    const config = readConfig(watched)
    const set = Object.keys(env).filter((name) => name.startsWith('PORTWARDEN_') && env[name] !== '')
    const unread = set.filter((name) => !known.has(name))
    if (unread.length === 0) return { config, check: ok('settings', `${set.length} variables are set`) }
    const message = `${unread.join(', ')}: no setting, or without effect beside the others; docs/settings.md lists the settings`
    return { config, check: warn('settings', message) }
  } catch (error) {
    return { check: fail('settings', messageOf(error)) }
  }
}

async function* checkDatabaseServer(stack: AsyncDisposableStack, config: Config): Checks {
  const { databaseUrl, dataDir } = config
  if (databaseUrl === undefined && !existsSync(join(clusterHome(dataDir), 'postgres'))) {
    yield ok('database', 'none yet: the first start creates the embedded PostgreSQL')
    return
  }
  try {
    const warnings: string[] = []
    const log = { info() {}, warn: (line: string) => void warnings.push(line) }
    const prompt = { ...config, databaseWaitMs: 0 }
    const { url } = await openDatabaseServer(stack, prompt, { purpose: 'serve', exclusive: false, log })
    yield* checkDatabase(stack, { config, url, warnings })
  } catch (error) {
    yield fail('database', messageOf(error))
    yield skip('stored data', 'the database is needed to check clocks, the ledger, vantages, schedules and webhooks')
  }
}
