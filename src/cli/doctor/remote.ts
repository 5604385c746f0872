import { readSecret } from '../../config/env.ts'
import { version } from '../../config/index.ts'
import { warnFromMs } from '../../store/db/clock.ts'
import { attempt, type Check, type Checks, fail, messageOf, ok, skip, warn } from './check.ts'

const timeoutMs = 5_000
const soonDays = 14

interface Readiness {
  version?: string
  detail?: string
  warnings?: string[]
}

/** Checks a service elsewhere as its clients see it, with the key in PORTWARDEN_KEY if there is one. */
export async function* checkService(server: URL): Checks {
  const root = server.href.replace(/\/$/, '')
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(root + path, { redirect: 'error', headers, signal: AbortSignal.timeout(timeoutMs) })
  let response: Response
  try {
    response = await get('/readyz')
  } catch (error) {
    yield fail('service', `${root} does not respond: ${messageOf(error)}`)
    yield skip('key', 'needs the service')
    return
  }
  yield* checkReadiness(root, response.status, (await response.json().catch(() => ({}))) as Readiness)
  yield checkDate(response.headers.get('date'), Date.now())
  yield await attempt('key', async () => {
    const key = readSecret(process.env, 'PORTWARDEN_KEY')
    if (key === undefined) return skip('key', 'set PORTWARDEN_KEY or PORTWARDEN_KEY_FILE to check it')
    const me = await get('/v1/me', { authorization: `Bearer ${key}` })
    return describeKey(me.status, (await me.json().catch(() => ({}))) as Me)
  })
}

function* checkReadiness(root: string, status: number, found: Readiness): Generator<Check> {
  if (found.version === undefined && found.detail === undefined) {
    yield fail('service', `${root}/readyz responded ${status}, and not as Portwarden: check the URL and the proxy`)
    return
  }
  if (status === 200) yield ok('service', `${root} is ready`)
  else yield fail('service', `${root} is not ready: ${found.detail}`)
  for (const warning of found.warnings ?? []) yield warn('service', warning)
  if (found.version !== undefined && found.version !== version)
    yield warn('version', `the service is ${found.version}, and this program is ${version}: use the same version`)
}

/** The header has whole seconds (RFC 9110, section 6.6.1). */
function checkDate(date: string | null, now: number): Check {
  const skewMs = date === null ? Number.NaN : now - Date.parse(date)
  if (Number.isNaN(skewMs)) return skip('clock', 'the service sends no date')
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  if (Math.abs(skewMs) > warnFromMs)
    return warn(
      'clock',
      `this clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} that of the service: synchronise both (NTP)`,
    )
  return ok('clock', `within ${Math.max(1, seconds)} s of the service`)
}

interface Me {
  name?: string
  scopes?: string[]
  expiresAt?: string | null
}

function describeKey(status: number, { name, scopes = [], expiresAt = null }: Me): Check {
  if (status !== 200)
    return fail('key', `the service refuses it (${status}): create another one, or correct PORTWARDEN_KEY`)
  const days = expiresAt === null ? Number.POSITIVE_INFINITY : (Date.parse(expiresAt) - Date.now()) / 86_400_000
  const what = `${name} may ${scopes.join(', ')}`
  return days < soonDays ? warn('key', `${what}, and expires in ${Math.floor(days)} days`) : ok('key', what)
}
