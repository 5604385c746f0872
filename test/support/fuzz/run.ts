import fc from 'fast-check'
import { type Operation, operations, violationOf } from './document.ts'
import { createTally } from './kinds.ts'
import { learn } from './known.ts'
import type { PopulatedService } from './populated-service.ts'
import { type Draft, requestsTo } from './requests.ts'
import { type Keys, send } from './send.ts'

/** PORTWARDEN_FUZZ_SEED repeats a run; by default all runs send the same, so that a failure is a change. */
export const seed = Number(process.env.PORTWARDEN_FUZZ_SEED ?? 20_261_123)

const concurrency = 6

type StatusCounts = Record<string, number>

interface FuzzOutcome {
  /** What contradicts the OpenAPI document, by operation, with the request; empty when nothing does. */
  failures: string
  /** Operations none of whose requests succeeded. */
  neverSuccessful: string[]
  /** Kinds of input that no request had. */
  kindsNotTried: string[]
}

/** Sends this many generated requests, the same share to each operation, and prints how many of which kind. */
export async function fuzzOperations(populated: PopulatedService, requests: number): Promise<FuzzOutcome> {
  const counts = new Map<string, StatusCounts>()
  const tally = createTally()
  const startedAt = performance.now()
  const failures: string[] = []
  const queue = [...operations]
  const work = async () => {
    for (let operation = queue.shift(); operation; operation = queue.shift()) {
      const statuses: StatusCounts = {}
      counts.set(operation.name, statuses)
      const numRuns = Math.ceil(requests / operations.length)
      const failure = await fuzz(operation, { populated, numRuns, statuses, tally })
      if (failure) failures.push(failure)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  report(counts, performance.now() - startedAt)
  const kinds = Object.entries(tally.counts)
  process.stdout.write(`of these: ${kinds.map(([kind, count]) => `${count} × ${kind}`).join(', ')}\n`)
  return {
    failures: failures.join('\n\n'),
    neverSuccessful: [...counts]
      .filter(([, statuses]) => Object.keys(statuses).every((status) => status >= '400'))
      .map(([name]) => name),
    kindsNotTried: kinds.filter(([, count]) => count === 0).map(([kind]) => kind),
  }
}

interface FuzzedOperation {
  populated: PopulatedService
  numRuns: number
  /** Receives the number of responses by status. */
  statuses: StatusCounts
  tally: ReturnType<typeof createTally>
}

async function fuzz(operation: Operation, { populated, numRuns, statuses, tally }: FuzzedOperation) {
  const { service, known, url } = populated
  const property = fc.asyncProperty(requestsTo(operation), async (draft: Draft) => {
    const response = await send(service, draft, { known, keys: keysFor(operation, populated), url })
    tally.add(response)
    statuses[response.status] = (statuses[response.status] ?? 0) + 1
    const isReady = operation.path === '/readyz'
    if (response.status >= 500 && !isReady) throw new Error(`${response.status}: ${response.body.slice(0, 300)}`)
    const schemaIssue = violationOf(operation, response)
    if (schemaIssue) throw new Error(schemaIssue)
    // The keys in use are not among those that a request may revoke.
    const learns = response.status < 300 && operation.name !== 'GET /v1/keys'
    if (learns && /^application\/json/.test(response.contentType ?? ''))
      learn(known, operation.path, JSON.parse(response.body))
  })
  const { failed, errorInstance, counterexample } = await fc.check(property, {
    numRuns,
    seed: seed + operations.indexOf(operation),
    endOnFailure: true,
  })
  if (!failed) return undefined
  const shown = JSON.stringify(counterexample?.[0])?.slice(0, 1_500)
  return `${operation.name}: ${(errorInstance as Error).message}\n  ${shown}`
}

/** A key may not approve what it requested itself. */
const keysFor = ({ path }: Operation, { service, keys }: PopulatedService): Keys =>
  path.endsWith('/approve') ? { ...keys, admin: service.key } : keys

function report(counts: Map<string, StatusCounts>, elapsedMs: number): void {
  const total = (statuses: StatusCounts) => Object.values(statuses).reduce((sum, count) => sum + count, 0)
  const lines = [...counts].map(([name, statuses]) => {
    const by = Object.entries(statuses).map(([status, count]) => `${count} × ${status}`)
    return `${String(total(statuses)).padStart(6)}  ${name}: ${by.join(', ')}`
  })
  const sum = [...counts.values()].reduce((all, statuses) => all + total(statuses), 0)
  const seconds = Math.round(elapsedMs / 1000)
  process.stdout.write(`${lines.join('\n')}\n${sum} requests to ${counts.size} operations in ${seconds} s\n`)
}
