// Asks for an audit of a target, waits for its end, and prints what failed: node audit.ts URL KEY POLICY TARGET
// The types are those of the service's OpenAPI document: `npm ci && npm run check` makes them and checks this file.
import createClient from 'openapi-fetch'
import type { components, paths } from './portwarden.d.ts'

declare const process: { argv: string[] } // all that is used of Node
type Finding = components['schemas']['Finding']

/** The audit's verdict and the findings that fail, of all pages. */
export async function audit(baseUrl: string, key: string, policy: string, target: string) {
  const { GET, POST } = createClient<paths, 'application/json' | 'application/problem+json'>({
    baseUrl,
    headers: { authorization: `Bearer ${key}` },
  })
  const asked = await POST('/v1/audits', {
    params: { header: { 'idempotency-key': crypto.randomUUID(), prefer: 'wait=15' } },
    body: { policy, targets: [target] },
  })
  if (!asked.data) throw new Error(asked.error.detail ?? asked.error.title)
  let { id, status, verdict } = asked.data
  while (status === 'queued' || status === 'running') {
    const { data, error } = await GET('/v1/audits/{id}', { params: { path: { id }, header: { prefer: 'wait=15' } } })
    if (!data) throw new Error(error?.detail ?? 'no answer')
    ;({ status, verdict } = data)
  }
  const failed: Finding[] = []
  for (let cursor: string | undefined; ; ) {
    const { data, error } = await GET('/v1/audits/{id}/findings', {
      params: { path: { id }, query: { result: 'fail', limit: 1000, ...(cursor ? { cursor } : {}) } },
    })
    if (!data) throw new Error(error?.detail ?? 'no answer')
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
