import { limitableScopes } from '../../src/domain/access/scopes.ts'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { listenSilently, ports } from './app.ts'
import { type ApiResponse, startService, type TestService } from './service.ts'

/** A team: keys limited to its targets, and one of each resource. */
interface Team {
  key: string
  target: string
  audits: [string, string]
  baseline: string
  schedule: string
  window: string
  waiver: string
  trace: string
  proposal: string
}

/** A policy with one open port, and one that may be open inside a window. */
export const exposures: PolicyDocument = {
  ...ports,
  name: 'exposures',
  rules: ports.rules.map((rule) =>
    rule.id === 'must-be-unreachable' ? { ...rule, insideWindow: { expect: { state: ['open'] } } } : rule,
  ),
}

/** The whole service with two teams; each resource has its team's name in its own. */
export async function startTeams() {
  const service = await startService()
  const exposure = await listenSilently()
  await service.call('PUT', '/v1/vantages/branch', { body: { zones: ['branch'] } })
  await service.stores.policies.put(exposures)
  const blue = await makeTeam(service, { team: 'blue', address: '127.0.0.1', open: exposure.port })
  const green = await makeTeam(service, { team: 'green', address: '127.0.0.2', open: exposure.port })
  const whole = await createAs(service, service.key, '/v1/audits', {
    policy: 'exposures',
    targets: { labels: { site: 'hq' } },
  })
  return {
    service,
    blue,
    green,
    /** An audit of the targets of both teams. */
    everybodys: String(whole.id),
    async stop() {
      await service.stop()
      await exposure.close()
    },
  }
}

async function createAs(service: TestService, key: string, path: string, body: unknown): Promise<ApiResponse['body']> {
  const response = await service.call('POST', path, { key, body, headers: { prefer: 'wait=15' } })
  if (response.status >= 300)
    throw new Error(`POST ${path}: status ${response.status}: ${JSON.stringify(response.body)}`)
  return response.body
}

async function makeTeam(
  service: TestService,
  { team, address, open }: { team: string; address: string; open: number },
): Promise<Team> {
  const limits = { name: team, scopes: limitableScopes, targets: { labels: { team } } }
  const { key } = await createAs(service, service.key, '/v1/keys', limits)
  const create = (path: string, body: unknown) => createAs(service, key, path, body)
  const target = `${team}-host`
  const labels = { team, site: 'hq' }
  await create('/v1/targets', { name: target, address, labels, params: { openPort: open, closedPort: open - 1 } })
  const audit = { policy: 'exposures', targets: [target] }
  const first = await create('/v1/audits', { ...audit, correlationId: `${team}-first` })
  const params = { openPort: open, closedPort: open }
  await service.call('PATCH', `/v1/targets/${target}`, { key, body: { params } })
  const second = await create('/v1/audits', { ...audit, reason: `${team} again` })
  const baseline = await create('/v1/baselines', { name: `${team}-base`, audit: first.id, reason: `${team} reviewed` })
  const schedule = await create('/v1/schedules', {
    name: `${team}-nightly`,
    cron: '0 2 * * *',
    audit: { policy: 'exposures', targets: { labels: { site: 'hq' } } },
  })
  const permission = {
    policy: 'exposures',
    rules: ['must-be-unreachable'],
    targets: [target],
    reason: `request of ${team}`,
  }
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
  const window = await create('/v1/windows', { ...permission, ticket: `${team}-1`, from: at(1), to: at(2) })
  const waiver = await create('/v1/waivers', { ...permission, expiresAt: at(24) })
  // No agent serves the vantage.
  const request = { key, body: { target, port: open, vantage: 'branch' } }
  const { body: trace } = await service.call('POST', '/v1/traces', request)
  const wanted = { key, body: { targets: [target], ports: [open], vantages: ['branch'] } }
  const { body: proposal } = await service.call('POST', '/v1/policies/propose', wanted)
  return {
    key,
    target,
    audits: [first.id, second.id],
    baseline: baseline.name,
    schedule: schedule.name,
    window: window.id,
    waiver: waiver.id,
    trace: trace.id,
    proposal: proposal.id,
  }
}
