import type { AddressResult } from '../../domain/findings/observation.ts'
import { portsOf } from '../../domain/policy/port-set.ts'
import type { ProtocolName } from '../../domain/protocols/index.ts'
import { type Check, type Circumstances, usesCredential, type World } from './check.ts'
import type { HostPresence } from './host-presence.ts'
import { probePortSet } from './port-set.ts'
import type { Endpoint, Outcome } from './probe.ts'
import { Tries } from './tries.ts'
import { mayMissAbsence, type Tried, Try, type TryCircumstances } from './try.ts'
import type { CredentialUse } from './try-io.ts'

/** Probes one address of a check, with as many tries as its silence needs. Rejects for errors of the prober itself. */
export function probeAddress<P extends ProtocolName>(
  check: Check<P>,
  endpoint: Endpoint,
  circumstances: Circumstances,
): Promise<AddressResult<P>> {
  const { address, port } = endpoint
  const ports = 'ports' in check.options ? check.options.ports : undefined
  if (ports) {
    const one = { ...check, options: {} } as Check<P>
    const probeOne = (each: number) => probeAddress({ ...one, port: each }, { ...endpoint, port: each }, circumstances)
    return probePortSet(portsOf(ports), probeOne as never) as Promise<AddressResult<P>>
  }
  const isPermitted = circumstances.world.egress.permits(address, port)
  if (!isPermitted) return Promise.resolve(undialled(address, { state: 'unknown', reason: 'egress-denied' }))
  return new Promise((resolve, reject) =>
    new AddressProbe(check, { endpoint, ...circumstances }, { resolve, reject }).startNext(),
  )
}

/** The result of an address that was not probed. */
export const undialled = <P extends ProtocolName>(address: string | null, outcome: Outcome): AddressResult<P> => ({
  address,
  ...outcome,
  facts: {},
  latencyMs: null,
  attempts: 0,
})

type Settle<R> = Pick<PromiseWithResolvers<R>, 'resolve' | 'reject'>

class AddressProbe<P extends ProtocolName> extends Tries<Tried<P>> implements TryCircumstances<P> {
  readonly check: Check<P>
  readonly endpoint: Endpoint
  readonly use: CredentialUse
  readonly world: World
  readonly host: HostPresence
  readonly #settle: Settle<AddressResult<P>>

  constructor(
    check: Check<P>,
    { endpoint, binds, world }: Circumstances & { endpoint: Endpoint },
    settle: Settle<AddressResult<P>>,
  ) {
    super({ tries: check.once ? 1 : world.tries, spacingMs: world.spacingMs })
    this.check = check
    this.endpoint = endpoint
    this.use = { given: false, binds }
    this.world = world
    this.host = world.presenceOf(endpoint.address)
    this.#settle = settle
  }

  overlapMs(): number | undefined {
    // A credential is sent once at a time, so that no other try follows its refusal.
    if (usesCredential(this.check.options)) return undefined
    return this.world.roundTrips.timeoutMs(this.endpoint.address, this.world.timeoutMs)
  }

  start(isLast: boolean): Try<P> {
    return new Try(this, { kind: isLast ? 'last' : 'repeatable', reports: this })
  }

  decided(result: Tried<P>, attempts: number): void {
    const { check, endpoint, use, world, host } = this
    if (result.waitedMs !== undefined && !check.once && !use.given) this.#tryPatiently(result, attempts + 1)
    else if (result.reason !== 'no-response' || !mayMissAbsence(check, world)) this.#end(result, attempts)
    else
      host.explainSilence(endpoint).then(
        (explanation) => {
          if (host.isSlow() && !use.given) this.#tryPatiently(result, attempts + 1)
          else this.#end({ ...result, ...explanation }, attempts)
        },
        (error: unknown) => this.broke(error),
      )
  }

  /** Tries once more with more time. That it cannot connect proves nothing against an open port that was seen. */
  #tryPatiently(seen: Tried<P>, attempts: number): void {
    const { patient } = this.world.budget
    const { address } = this.endpoint
    const reports = {
      sent() {},
      ended: (result: Tried<P>) => {
        patient.release(address)
        const isBetter = result.state === 'open' || (seen.state !== 'open' && result.state !== 'unknown')
        this.#end(isBetter ? result : seen, attempts)
      },
      failed: (error: unknown) => {
        patient.release(address)
        this.broke(error)
      },
    }
    patient.whenFree(address, () => new Try(this, { kind: 'patient', reports }))
  }

  broke(error: unknown): void {
    this.host.leave()
    this.#settle.reject(error)
  }

  #end(result: Tried<P>, attempts: number): void {
    this.host.leave()
    this.#settle.resolve({ address: this.endpoint.address, ...result, attempts })
  }
}
