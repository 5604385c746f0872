// Prints the audits of a ticket, newest first: node audits.ts URL KEY CORRELATION_ID
// orval generates portwarden.ts from the OpenAPI 3.0 document: `npm ci && npm run check` does that and checks the types.
import { listAudits } from './portwarden.ts'
import { service } from './request.ts'

declare const process: { argv: string[] } // all that is used of Node

const [url, key, correlationId] = process.argv.slice(2)
if (!url || !key || !correlationId) throw new Error('node audits.ts URL KEY CORRELATION_ID')
Object.assign(service, { url, key })

for (let cursor: string | undefined; ; ) {
  const { items, next } = await listAudits({ correlationId, ...(cursor ? { cursor } : {}) })
  for (const { status, verdict, counts } of items) console.log(`${status} ${verdict}: ${counts.fail} failed`)
  if (next === null) break
  cursor = next
}
