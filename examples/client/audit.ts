// Audits a target, waits for the end, and prints what failed: node audit.ts URL KEY POLICY TARGET
// The types come from the OpenAPI document of the service: `npm ci && npm run check` generates them and checks this file.
import createClient from 'openapi-fetch'
import type { components, paths } from './portwarden.d.ts'

declare const process: { argv: string[] } // instead of the types of Node
type Finding = components['schemas']['Finding']

/** Returns the verdict and the failing findings of all pages. */
export async function audit(baseUrl: string, key: string, policy: string, target: string) {
  const { GET, POST } = createClient<paths, 'application/json' | 'application/problem+json'>({
    baseUrl,
    headers: { authorization: `Bearer ${key}` },
  })
  const accepted = await POST('/v1/audits', {
    params: { header: { 'idempotency-key': crypto.randomUUID(), prefer: 'wait=15' } },
    body: { policy, targets: [target] },
  })
  if (!accepted.data) throw new Error(accepted.error.detail ?? accepted.error.title)
  let { id, status, verdict } = accepted.data
  while (status === 'queued' || status === 'running') {
    const { data, error } = await GET('/v1/audits/{id}', { params: { path: { id }, header: { prefer: 'wait=15' } } })
    if (!data) throw new Error(error?.detail ?? 'no response')
    ;({ status, verdict } = data)
  }
  const failed: Finding[] = []
  for (let cursor: string | undefined; ; ) {
    const { data, error } = await GET('/v1/audits/{id}/findings', {
      params: { path: { id }, query: { result: 'fail', limit: 1000, ...(cursor ? { cursor } : {}) } },
    })
    if (!data) throw new Error(error?.detail ?? 'no response')
    failed.push(...data.items)
    if (data.next === null) return { id, status, verdict, failed }
    cursor = data.next
  }
}

const [url, key, policy, target] = process.argv.slice(2)
if (!url || !key || !policy || !target) throw new Error('node audit.ts URL KEY POLICY TARGET')
const { verdict, failed } = await audit(url, key, policy, target)
console.log(`verdict: ${verdict}`)
for (const { target, rule, vantage, state } of failed) console.log(`fail: ${target} ${rule} ${vantage} ${state}`)
