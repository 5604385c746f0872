import type { AddressResult } from '../../domain/findings/observation.ts'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import { anyProtocols, type ProtocolName, transportOf } from '../../domain/protocols/index.ts'
import { explainSilence } from '../network/connect-failure.ts'
import { type Check, usesCredential, type World } from './check.ts'
import { createDeadline } from './deadline.ts'
import { type HostPresence, presenceMs } from './host-presence.ts'
import type { Watched } from './overdue.ts'
import type { Endpoint, Outcome, ProbeResult } from './probe.ts'
import type { RunningTry, Tries } from './tries.ts'
import { type CredentialUse, claimTimes, readMs, TryIo } from './try-io.ts'

/** What one try has shown. */
export type Tried<P extends ProtocolName> = Omit<AddressResult<P>, 'address' | 'attempts'>

/** What the tries of one address share. */
export interface TryCircumstances<P extends ProtocolName> {
  check: Check<P>
  endpoint: Endpoint
  use: CredentialUse
  world: World
  host: HostPresence
}

/** A silent try may be repeated, unless it is the last one, which must decide; a patient one gives each connection more time. */
type TryKind = 'repeatable' | 'last' | 'patient'

interface TryOptions<P extends ProtocolName> {
  kind: TryKind
  /** Receives its course. */
  reports: Pick<Tries<Tried<P>>, 'sent' | 'ended' | 'failed'>
}

/** More than a probe makes, each of which has the time of a patient try. */
const maxConnections = 20

/** A try that waits long enough is reported the absence of its host by itself. */
export const mayMissAbsence = (check: Check, { timeoutMs }: World): boolean =>
  check.once === undefined && timeoutMs < presenceMs

/** One try of a probe: gets a socket, runs the probe to its deadline, and leaves no connection behind. */
export class Try<P extends ProtocolName> implements RunningTry, Watched {
  readonly #of: TryCircumstances<P>
  readonly #kind: TryKind
  readonly #reports: TryOptions<P>['reports']
  #startedAt = 0
  #io: TryIo | undefined
  /** Whether its connection may stay open beyond the deadline, and the end of the one that did. */
  #mayExtend = false
  #extended: Promise<unknown> | undefined
  #ended = false

  constructor(of: TryCircumstances<P>, { kind, reports }: TryOptions<P>) {
    this.#of = of
    this.#kind = kind
    this.#reports = reports
    of.world.budget.whenFree(of.endpoint.address, () => this.#begin())
  }

  isSilent(): boolean {
    return this.#io?.isUnused ?? true
  }

  get mayTakeMs(): number {
    const { check, world } = this.#of
    const { patientMs } = world
    const tryMs = this.#isPatient ? patientMs * maxConnections : this.#timeoutMs + patientMs
    return usesCredential(check.options) ? tryMs + readMs + claimTimes(patientMs).limitMs : tryMs
  }

  wasExtended(ended: Promise<unknown>): void {
    this.#extended = ended
  }

  giveUp(error: Error): void {
    this.#fail(error)
  }

  get #isPatient(): boolean {
    return this.#kind === 'patient'
  }

  get #timeoutMs(): number {
    const { check, world } = this.#of
    return this.#isPatient ? world.patientMs : (check.once?.timeoutMs ?? world.timeoutMs)
  }

  #begin(): void {
    const { check, endpoint, use, world, host } = this.#of
    this.#startedAt = performance.now()
    this.#reports.sent()
    const isStream = transportOf(check.probe, check.options) === 'tcp'
    const mayExtend = isStream && !this.#isPatient && mayMissAbsence(check, world)
    const extension = mayExtend ? host.extend(this) : undefined
    this.#mayExtend = extension !== undefined
    // The deadline starts here: waiting for a socket says nothing of the target.
    const deadline = createDeadline(this.#timeoutMs, this.#isPatient)
    const io = new TryIo(world, { deadline, credentialMs: world.patientMs, use, extension })
    this.#io = io
    world.overdue.watch(this)
    try {
      world.probes[check.probe](endpoint, check.options, io)
        .then(
          (result) => this.#conclude(result),
          (error: unknown) => this.#fail(error),
        )
        .catch((error: unknown) => this.#reports.failed(error))
    } catch (error) {
      this.#fail(error) // a probe that threw instead of rejecting
    }
  }

  #conclude(result: ProbeResult<P>): void | Promise<void> {
    if (this.#ended) return
    this.#of.world.overdue.release(this)
    return this.#io?.hasBind ? this.#settleBind(result).then(() => this.#finish(result)) : this.#finish(result)
  }

  /** Reports what became of the bind; a report that is lost leaves it unknown. */
  #settleBind(result?: { reason: ReasonCode; facts: object }): Promise<void> {
    const { check, world } = this.#of
    const { bindOutcome } = anyProtocols[check.probe]
    const outcome = result && bindOutcome ? bindOutcome(result as Parameters<typeof bindOutcome>[0]) : 'unknown'
    const settled = this.#io?.settle({ outcome, ...(result && { reason: result.reason }) })
    return Promise.resolve(settled).catch((error: unknown) => world.log(error, check))
  }

  #finish(result: ProbeResult<P>): void | Promise<void> {
    const { endpoint, use, world, host } = this.#of
    host.saw(result, this.#mayExtend)
    const latencyMs = tenths(result.latencyMs ?? this.#elapsedMs)
    const waited = result.state === 'open' && (this.#io?.deadline.expired || result.reason === 'protocol-timeout')
    if (waited) return this.#end({ ...result, latencyMs, waitedMs: use.given ? world.patientMs : this.#timeoutMs })
    if (!isSilence(result) || this.#kind !== 'last') return this.#end({ ...result, latencyMs })
    this.#io?.end() // the explanation needs the one socket of this check
    return explainSilence(endpoint).then(
      (explanation) => this.#end({ ...result, ...explanation, latencyMs }),
      (error: unknown) => this.#fail(error),
    )
  }

  #fail(error: unknown): void {
    if (this.#ended) return
    const { check, world } = this.#of
    world.overdue.release(this)
    world.log(error, check)
    this.#ended = true
    const end = () => this.#end({ ...localFailure, facts: {}, latencyMs: tenths(this.#elapsedMs) })
    if (this.#io?.hasBind) void this.#settleBind().then(end)
    else end()
  }

  #end(tried: Tried<P>): void {
    const { endpoint, use, world } = this.#of
    this.#ended = true
    this.#io?.end()
    const release = () => world.budget.release(endpoint.address)
    if (this.#extended) void this.#extended.finally(release)
    else release()
    this.#reports.ended(tried, isSilence(tried) && !use.given)
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedAt
  }
}

/** Nothing came from the peer, and none of its host. */
const isSilence = ({ reason }: { reason: ReasonCode }): boolean =>
  reason === 'no-response' || reason === 'udp-no-response'

const localFailure: Outcome = { state: 'unknown', reason: 'local-failure' }

const tenths = (ms: number): number => Math.round(ms * 10) / 10
