import { portPolicy } from './policies.ts'
import type { Service } from './service.ts'

/** The state of each port of each host, by `address port`. */
export type States = Map<string, string>

interface WholeAudit {
  auditId: string
  /** From the request to the response that reports the end. */
  tookMs: number
}

const threePorts = 'three-ports'

/** Calls the service over HTTP; throws the problem that it returns. */
export async function callService(service: Service, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${service.key}`, 'content-type': 'application/json', ...init.headers }
  const response = await fetch(`${service.url}${path}`, { ...init, headers })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response
}

/** Stores a policy of one rule for each port. */
export async function putPolicy(service: Service, ports: readonly number[]): Promise<void> {
  await callService(service, `/v1/policies/${threePorts}`, {
    method: 'PUT',
    body: JSON.stringify(portPolicy(threePorts, ports)),
  })
}

/** Audits these addresses, which the request contains, and waits for the end. */
export async function auditAll(
  service: Service,
  addresses: readonly string[],
  policy = threePorts,
): Promise<WholeAudit> {
  const targets = addresses.map((address) => ({ name: `host-${address}`, address }))
  const body = JSON.stringify({ policy, targets })
  const wait = { prefer: 'wait=15' }
  const startedAt = performance.now()
  let audit = (await (
    await callService(service, '/v1/audits', { method: 'POST', body, headers: wait })
  ).json()) as Audit
  while (audit.status === 'queued' || audit.status === 'running') {
    audit = (await (await callService(service, `/v1/audits/${audit.id}`, { headers: wait })).json()) as Audit
  }
  const tookMs = performance.now() - startedAt
  if (audit.status !== 'completed') throw new Error(`the audit did not complete: ${JSON.stringify(audit)}`)
  return { auditId: audit.id, tookMs }
}

interface Audit {
  id: string
  status: string
}

/** The states that an audit found. */
export async function statesOf(service: Service, auditId: string): Promise<States> {
  const response = await callService(service, `/v1/audits/${auditId}/findings`, {
    headers: { accept: 'application/x-ndjson' },
  })
  const findings = (await response.text()).trimEnd().split('\n')
  return new Map(
    findings.map((line) => {
      const { target, rule, state } = JSON.parse(line) as Record<'target' | 'rule' | 'state', string>
      return [`${target.replace('host-', '')} ${rule.replace('port-', '')}`, state]
    }),
  )
}

export interface DriftReport {
  summary: Record<string, number>
  tookMs: number
}

/** The drift between two audits. */
export async function driftBetween(service: Service, from: string, to: string): Promise<DriftReport> {
  const startedAt = performance.now()
  const response = await callService(service, `/v1/reports/drift?from=audit:${from}&to=audit:${to}`)
  const { summary } = (await response.json()) as DriftReport
  return { summary, tookMs: performance.now() - startedAt }
}
