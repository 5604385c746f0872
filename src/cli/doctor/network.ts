import type { Config, VantageConfig } from '../../config/index.ts'
import { affordableSockets } from '../../probes/engine/descriptor-pressure.ts'
import { createCredentials } from '../../probes/ldap/credentials.ts'
import type { Connector } from '../../probes/network/connector/connector.ts'
import { openConnector } from '../../probes/network/connector/open.ts'
import { openGate } from '../../probes/network/guarded-connect.ts'
import { attempt, type Check, type Checks, fail, messageOf, ok, warn } from './check.ts'

const requestTimeoutMs = 5_000

/** Checks how this machine makes probes, and each vantage that it serves. */
export async function* checkProbing(config: Config, env: NodeJS.ProcessEnv): Checks {
  const reasons: string[] = []
  const { connector: kind, sockets: attempts } = config
  const connector = await openConnector({ kind, attempts, log: (reason) => reasons.push(reason) })
  try {
    yield checkSockets(config, reasons)
    for (const vantage of config.vantages) {
      yield await checkCanaries(connector, vantage, config.probeTimeoutMs)
      for (const grant of vantage.credentials) yield await checkCredential(grant, env)
    }
  } finally {
    await connector.close()
  }
}

/** Whether probes are made by system calls, which show who refused, and how many can be open. */
function checkSockets({ sockets, connector }: Config, reasons: readonly string[]): Check {
  const affordable = affordableSockets(sockets)
  if (affordable < sockets)
    return warn(
      'sockets',
      `PORTWARDEN_SOCKETS is ${sockets}, and the limit of open files allows ${affordable}: raise it (ulimit -n, LimitNOFILE)`,
    )
  if (reasons.length > 0)
    return warn('sockets', `probes use the sockets of Node and cannot show who refused: ${reasons.join('; ')}`)
  return ok('sockets', `${sockets} at the same time, ${connector === 'node' ? 'of Node' : 'by system calls'}`)
}

/** One canary that responds shows that the vantage is online. */
async function checkCanaries(
  connector: Connector,
  { name, canary, allow }: VantageConfig,
  timeoutMs: number,
): Promise<Check> {
  const label = `vantage ${name}`
  if (canary.length === 0)
    return ok(label, 'no canary (PORTWARDEN_CANARY): without a network it would report silent targets as filtered')
  const gate = openGate({ connector, allow, never: [], timeoutMs })
  const failures: string[] = []
  for (const { host, port } of canary) {
    try {
      const { socket } = await gate.connect(host, port)
      socket.destroy()
      return ok(label, `the canary ${host}:${port} responds`)
    } catch (error) {
      failures.push(`${host}:${port} ${messageOf(error)}`)
    }
  }
  return fail(label, `no canary responds, so all its findings would be unknown: ${failures.join(', ')}`)
}

async function checkCredential(grant: { ref: string; destinations: string[] }, env: NodeJS.ProcessEnv): Promise<Check> {
  const read = createCredentials([grant], env)
  const address = grant.destinations[0]?.split('/')[0] ?? ''
  const found = await read(grant.ref, { address })
  if (typeof found !== 'string') return ok('credential', `${grant.ref} can be read`)
  return fail('credential', `${grant.ref} cannot be read: it must hold {"user": "…", "password": "…"}`)
}

/** Whether the service is reached at its public URL, as links, agents and the console need it. */
export async function checkPublicUrl(publicUrl: string): Promise<Check> {
  const name = 'public URL'
  try {
    const response = await get(`${publicUrl}/livez`)
    const body: unknown = await response.json().catch(() => undefined) // no JSON: another server
    const isOurs = response.ok && typeof body === 'object' && body !== null && 'version' in body
    if (isOurs) return ok(name, `${publicUrl} leads to the service`)
    return fail(name, `${publicUrl}/livez responded ${response.status}, and not as Portwarden: check the proxy`)
  } catch (error) {
    return warn(
      name,
      `${publicUrl} does not respond (${messageOf(error)}): the service is down, or cannot be reached from here`,
    )
  }
}

/** Whether the issuer of tokens responds as OpenID Connect Discovery 1.0 demands. */
export const checkIssuer = (issuer: string): Promise<Check> =>
  attempt('token issuer', async () => {
    const response = await get(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
    const found = (await response.json().catch(() => ({}))) as { issuer?: unknown }
    if (found.issuer === issuer) return ok('token issuer', `${issuer} responds`)
    return fail('token issuer', `${issuer} responded ${response.status}, not with its own discovery document`)
  })

const get = (url: string) => fetch(url, { redirect: 'error', signal: AbortSignal.timeout(requestTimeoutMs) })
