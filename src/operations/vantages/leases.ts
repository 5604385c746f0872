import { ConflictError, NotFoundError, type ValidationIssue } from '../../domain/errors.ts'
import type { BindClaim, BindDecision, BindResult } from '../../domain/vantages/binds.ts'
import {
  batchOf,
  type DeliveryEnvelope,
  jobOf,
  type Lease,
  type LeasedCheck,
  nameLease,
  readDelivery,
} from '../../domain/vantages/lease.ts'
import { showControls } from '../../encoding/text.ts'
import { runPaced } from '../../runtime/pace.ts'
import type { Batch, QueuedBatch } from '../../store/audits/batches.ts'
import type { Notifications } from '../../store/db/listen.ts'
import type { Sign } from '../../store/inventory/vantages.ts'
import { credentialOf } from '../audits/deduplicate-checks.ts'
import { type FinishParts, finishIfRecorded } from '../audits/finish.ts'
import { completeDelivered } from '../audits/host-check.ts'
import { distinctChecksOf, recordSeen, recordUnseen } from '../audits/run-batch.ts'
import { claimBind } from './binds.ts'

/** What leases need of the queue. */
interface LeasableBatches {
  take(vantage: string): Promise<{ id: string; data: Pick<QueuedBatch, 'auditId' | 'batchId'> } | undefined>
  /** False when the batch was handed to another worker. */
  keep(vantage: string, id: string): Promise<boolean>
  /** Ends leases without a heartbeat, so that their batches can be taken again. */
  giveBack(vantage: string, ids: string[]): Promise<void>
  complete(vantage: string, taken: { id: string; batchId: number }): Promise<void>
}

interface LeaseParts extends FinishParts {
  queue: LeasableBatches
  waitForBatch: Notifications['waitForBatch']
}

interface LeaseRequest {
  waitMs: number
  /** Whether the agent knows `companions` of checks; older agents refuse a lease with them. */
  companions: boolean
  /** Whether the agent asks before it binds; older agents get no check with a credential. */
  binds: boolean
  sign: Sign
  signal: AbortSignal
}

interface Receipt {
  recorded: boolean
  /** Why observations were not recorded, the first ones. */
  refused: ValidationIssue[]
}
const maxRefused = 100

function leasedChecksOf(batch: Batch, companions: boolean): LeasedCheck[] {
  // Agents probe every family; of the results only those that count are recorded.
  const checks = distinctChecksOf(batch).distinct.map(({ families: _, ...check }) => check as LeasedCheck)
  return companions ? checks : checks.map(({ companions: _, ...check }) => check)
}

// Names of facts are the agent's text.
const shorten = ({ pointer, message }: ValidationIssue): ValidationIssue => ({
  pointer: showControls(pointer.slice(0, 300)),
  message: showControls(message),
})

export type LeaseDesk = ReturnType<typeof createLeaseDesk>

/** How often the holder of a lease says that it is at work; the queue waits for 10 s. */
const heartbeatSeconds = 3
/** Timers are early by up to a millisecond. */
const afterEndMs = 10

/**
 * Lends batches to agents, which have no database. An agent sends what it saw and never a result; judging stays here.
 * A delivery counts for its batch, even if the lease has expired: the first that comes for a batch that is not
 * recorded is recorded, also when the agent was cut off so long that the batch waits for another one. A batch that is
 * recorded already, by another agent, at the deadline of its audit or because that was canceled, stays as it is: an audit
 * that has ended does not change, and a finding is recorded once. The agent then discards its observations.
 */
export function createLeaseDesk(parts: LeaseParts) {
  const { stores, queue, waitForBatch } = parts
  /** The batch of a lease, if it belongs to the vantage; undefined when it is recorded. */
  const findBatch = async (vantage: string, lease: string): Promise<Batch | undefined> => {
    const batchId = Number(batchOf(lease))
    const owner = batchId <= maxId ? await stores.batches.vantageOf(batchId) : undefined
    if (owner !== vantage) throw new NotFoundError(`there is no lease ${lease} of the vantage ${vantage}`)
    return stores.batches.findOpen(batchId)
  }

  const takeOpen = async (vantage: string, { companions, binds }: LeaseRequest): Promise<Lease | undefined> => {
    for (;;) {
      const job = await queue.take(vantage)
      if (!job) return undefined
      const batch = await stores.batches.findOpen(job.data.batchId)
      const bindsThere = batch?.rules.some((rule) => credentialOf(rule) !== undefined)
      if (batch && (binds || !bindsThere))
        return {
          id: nameLease(batch.id, job.id),
          heartbeatSeconds,
          checks: leasedChecksOf(batch, companions),
          ...(bindsThere && { bindSalt: stores.binds.salt() }),
        }
      if (batch) await recordUnseen(parts, job.data, { result: 'error', reason: 'agent-outdated' })
      else await finishIfRecorded(parts, job.data.auditId)
      await queue.complete(vantage, { id: job.id, batchId: job.data.batchId })
    }
  }

  /** Ends overdue leases, because the queue does so only every now and then; returns the ms until a batch can be taken again. */
  const endOverdue = async (vantage: string): Promise<number> => {
    for (;;) {
      const running = await stores.vantages.runningBatches(vantage)
      const overdue = running.filter(({ isLeased, endsInMs }) => isLeased && endsInMs < 0).map(({ jobId }) => jobId)
      if (overdue.length === 0)
        return (running.find(({ endsInMs }) => endsInMs >= 0)?.endsInMs ?? Number.POSITIVE_INFINITY) + afterEndMs
      await queue.giveBack(vantage, overdue)
    }
  }

  return {
    /** Lends a batch; where none waits, up to `waitMs` later, or undefined. What it says of itself is noted. */
    async lease(vantage: string, request: LeaseRequest): Promise<Lease | undefined> {
      const { waitMs, sign, signal } = request
      const vantageId = await stores.vantages.touch(vantage, sign)
      if (vantageId === undefined)
        throw new NotFoundError(`there is no vantage ${vantage}: PUT /v1/vantages/${vantage}`)
      const until = performance.now() + waitMs
      for (;;) {
        const polled = new AbortController()
        const endsInMs = await endOverdue(vantage)
        const pauseMs = Math.max(0, Math.min(until - performance.now(), endsInMs))
        const woken = waitForBatch({ vantage }, pauseMs, AbortSignal.any([signal, polled.signal]))
        const lease = signal.aborted ? undefined : await takeOpen(vantage, request)
        if (lease || signal.aborted) {
          polled.abort()
          return lease
        }
        await woken
        if (performance.now() >= until) return undefined
      }
    },

    /** Permits a bind of a lease, or returns why it must not be made. Throws ConflictError where its batch is recorded. */
    async claimBind(vantage: string, lease: string, claim: BindClaim, signal: AbortSignal): Promise<BindDecision> {
      const batch = await findBatch(vantage, lease)
      if (!batch) throw new ConflictError('the batch is recorded: nothing more is to be probed')
      return claimBind(parts, { auditId: batch.auditId, vantage }, claim, signal)
    },

    /** Notes what became of a permitted bind, also of a lease that has ended. Throws NotFoundError for another one. */
    async settleBind(vantage: string, id: string, result: BindResult): Promise<void> {
      if (!(await stores.binds.settle({ id, vantage }, result)))
        throw new NotFoundError(`the vantage ${vantage} has no bind ${id} that waits for its result`)
    },

    /** Keeps a lease alive; false when it has ended: the batch is recorded, canceled, or waits for another agent. */
    async keep(vantage: string, lease: string): Promise<boolean> {
      const batch = await findBatch(vantage, lease)
      await stores.vantages.touch(vantage)
      return batch !== undefined && (await queue.keep(vantage, jobOf(lease)))
    },

    /** Records the observations of a batch. Invalid or missing ones end their checks as errors, and no other. */
    async deliver(vantage: string, lease: string, delivery: DeliveryEnvelope): Promise<Receipt> {
      const batch = await findBatch(vantage, lease)
      await stores.vantages.touch(vantage)
      if (!batch) return { recorded: false, refused: [] }
      const { distinct } = distinctChecksOf(batch)
      const span = { from: batch.auditStartedAt, until: parts.now() }
      const { observations, issues } = delivery.online
        ? await runPaced(readDelivery(distinct, delivery, span))
        : { observations: undefined, issues: [] }
      const recorded = await recordSeen(parts, batch, observations && completeDelivered(distinct, observations))
      await queue.complete(vantage, { id: jobOf(lease), batchId: batch.id })
      return { recorded, refused: recorded ? issues.slice(0, maxRefused).map(shorten) : [] }
    },
  }
}

const maxId = 2_147_483_647
