import { describe, expect, test } from 'vitest'
import {
  type AlertState,
  clearingEvents,
  countFailures,
  type DeliveryStatus,
  nextAlert,
  redeliveryObstacle,
  survivorOf,
} from '../../../src/domain/webhooks/alerts.ts'
import { settle } from '../../../src/domain/webhooks/delivery-policy.ts'
import { failureOf } from '../../../src/domain/webhooks/tickets.ts'

interface Row {
  type: string
  status: DeliveryStatus
  attempts: number
}

/** One finding, its alert at one webhook, the deliveries, and what the receiver believes. */
interface World {
  audits: number
  redeliveries: number
  failures: number | undefined
  passes: boolean
  alert: AlertState | undefined
  rows: Row[]
  enabled: boolean
  isOpen: boolean
}

const start: World = {
  ...{ audits: 0, redeliveries: 0, failures: undefined, passes: true, alert: undefined },
  ...{ rows: [], enabled: true, isOpen: false },
}
const [maxAudits, maxRedeliveries] = [4, 2]
const retrySeconds = [0] // two tries

const newestOf = (rows: readonly Row[]) => rows.findLast(({ status }) => status !== 'superseded')

function audit(world: World, result: 'pass' | 'fail' | 'unknown', openAfter: number): World {
  const failure = failureOf({ result, waiver: null })
  const failures = countFailures(world.failures, failure)
  const passes = failure === undefined ? world.passes : failure !== 'fails'
  if (!world.enabled) return { ...world, audits: world.audits + 1, passes } // no events for a disabled webhook
  const { state, event } = nextAlert(world.alert, {
    isFailing: failures !== undefined && failures >= openAfter,
    isSeen: failure !== undefined,
    newest: newestOf(world.rows),
    receivesResolved: true,
  })
  const added: Row[] = event ? [{ type: event, status: 'waiting', attempts: 0 }] : []
  return { ...world, audits: world.audits + 1, failures, passes, alert: state, rows: [...world.rows, ...added] }
}

/** What a receiver that was down, or not, gets next. */
function collapsed(world: World): World {
  const waiting = world.rows.filter(({ status }) => status === 'waiting')
  if (!waiting.some(({ attempts }) => attempts > 0)) return world
  const survivor = survivorOf(waiting)
  const rows = world.rows.map((row) =>
    row.status === 'waiting' && row !== survivor ? { ...row, status: 'superseded' as const } : row,
  )
  return { ...world, rows }
}

/** One try: with the request lost, the response lost, the process killed before it is stored, 410, or success. */
const outcomes = ['ok', 'request-lost', 'response-lost', 'killed', 'gone'] as const
function attempt(before: World, outcome: (typeof outcomes)[number]): World | undefined {
  const world = collapsed(before)
  const row = world.rows.find(({ status }) => status === 'waiting')
  if (!row || !world.enabled) return undefined
  const arrived = outcome !== 'request-lost' && outcome !== 'gone'
  const isOpen = arrived ? row.type !== 'finding.resolved' : world.isOpen
  if (outcome === 'killed') return { ...world, isOpen }
  const status = outcome === 'ok' ? 204 : outcome === 'gone' ? 410 : null
  const settled = settle(
    { status, error: null, durationMs: 1 },
    { attempts: row.attempts, now: new Date(0), retrySeconds },
  )
  const rows = world.rows.map((one) =>
    one === row ? { ...one, status: settled.status, attempts: one.attempts + 1 } : one,
  )
  const next = { ...world, isOpen, rows, enabled: outcome !== 'gone' }
  return status === 204 ? revived(next) : next
}

/** As after a delivery, a change of the webhook and every night. */
function revived(world: World): World {
  const newest = newestOf(world.rows)
  if (newest?.status !== 'dead' || !(clearingEvents as readonly string[]).includes(newest.type)) return world
  return {
    ...world,
    rows: world.rows.map((one) => (one === newest ? { ...one, status: 'waiting' as const, attempts: 0 } : one)),
  }
}

const redelivered = (world: World): World[] =>
  world.redeliveries >= maxRedeliveries
    ? []
    : world.rows.flatMap((row) => {
        if (redeliveryObstacle(row.status, row === newestOf(world.rows)) !== undefined) return []
        const rows = world.rows.map((one) => (one === row ? { ...one, status: 'waiting' as const, attempts: 0 } : one))
        return [{ ...world, redeliveries: world.redeliveries + 1, rows }]
      })

/** Retention drops what was settled. */
const forgotten = (world: World): World => ({
  ...world,
  rows: world.rows.filter(({ status }) => status === 'waiting'),
})

const nextWorlds = (world: World, openAfter: number): World[] => [
  ...(world.audits < maxAudits
    ? (['pass', 'fail', 'unknown'] as const).map((one) => audit(world, one, openAfter))
    : []),
  ...outcomes.map((outcome) => attempt(world, outcome)).filter((next) => next !== undefined),
  ...redelivered(world),
  ...(world.enabled ? [] : [revived({ ...world, enabled: true })]),
  forgotten(world),
]

/** The receiver works again, and everything that waits arrives. */
function drained(world: World): World {
  let now = revived({ ...world, enabled: true })
  for (let next = attempt(now, 'ok'); next; next = attempt(now, 'ok')) now = next
  return now
}

/** Every reachable state, each with the states before it. */
function explore(openAfter: number, visit: (world: World) => void): number {
  const seen = new Set<string>()
  const open = [start]
  for (let world = open.pop(); world; world = open.pop()) {
    const key = JSON.stringify(world)
    if (seen.has(key)) continue
    seen.add(key)
    visit(world)
    open.push(...nextWorlds(world, openAfter))
  }
  return seen.size
}

describe.each([1, 2])(
  'after every sequence of failures, retries, crashes and redeliveries, with %i failures in a row',
  (openAfter) => {
    test('a finding that passes has no open alert once the receiver is back and an audit has ended', () => {
      const states = explore(openAfter, (world) => {
        const end = drained(audit(drained(world), 'pass', openAfter))
        if (end.isOpen) throw new Error(`an alert stays open after ${JSON.stringify(world)}`)
      })
      expect(states).toBeGreaterThan(5_000)
      process.stdout.write(`${states} states of an alert\n`)
    })

    test('and also without an audit, unless retention has dropped what would close it', () => {
      explore(openAfter, (world) => {
        const isKnown = world.alert === 'closing' && newestOf(world.rows)?.type === 'finding.resolved'
        if (isKnown && drained(world).isOpen) throw new Error(`an alert stays open after ${JSON.stringify(world)}`)
      })
    })

    test('a finding that fails has one', () => {
      explore(openAfter, (world) => {
        let end = drained(world)
        for (let i = 0; i < openAfter; i++) end = drained(audit(end, 'fail', openAfter))
        if (!end.isOpen) throw new Error(`an alert is missing after ${JSON.stringify(world)}`)
      })
    })

    test('where nothing waits and nothing was given up, the alert is as the finding is', () => {
      explore(openAfter, (world) => {
        const newest = newestOf(world.rows)
        if (newest?.status !== 'delivered' || !world.enabled) return
        const isLate = world.alert === 'open' && world.passes // it passed while the webhook was disabled
        if (!isLate && world.isOpen !== (world.alert === 'open')) throw new Error(JSON.stringify(world))
      })
    })
  },
)

describe('after a receiver was down', () => {
  const survivors = (...types: string[]) => survivorOf(types.map((type, id) => ({ id, type: `finding.${type}` })))?.id
  test.each([
    ['its newest failure', ['still-open', 'still-open', 'still-open'], 2],
    ['the opening of what it does not know', ['opened', 'still-open', 'still-open'], 0],
    ['the resolution alone', ['opened', 'still-open', 'resolved'], 2],
    ['the new opening alone', ['resolved', 'opened', 'still-open'], 1],
    ['the last of several openings', ['opened', 'resolved', 'opened'], 2],
  ])('it gets one state of a finding: %s', (_, types, index) => {
    expect(survivors(...types)).toBe(index)
  })
})

describe('failures in a row', () => {
  test.each([
    ['begin with the first', undefined, 'fails', 1],
    ['grow', 2, 'fails', 3],
    ['end with a pass', 2, 'pass', undefined],
    ['end with a waiver', 2, 'waived', undefined],
    ['are neither counted nor ended by what is unknown', 2, undefined, 2],
  ] as const)('%s', (_, before, failure, after) => {
    expect(countFailures(before, failure)).toBe(after)
  })
})
