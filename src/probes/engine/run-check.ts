import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { AddressResult, Observation } from '../../domain/findings/observation.ts'
import { anyProtocols, type OptionsByProtocol, type ProtocolName } from '../../domain/protocols/index.ts'
import { explainSilence } from '../network/connect-failure.ts'
import { createDialler, type Dial } from '../network/dial.ts'
import type { EgressPolicy } from '../network/egress-policy.ts'
import { createResolver, type Lookup, lookupThreads, type Resolver } from '../network/resolve.ts'
import { createDeadline } from './deadline.ts'
import { watchDescriptors } from './descriptor-pressure.ts'
import { type Connection, type Endpoint, isConnection, type Outcome, type ProbeIo, type ProbeResult } from './probe.ts'
import type { ProbeRegistry } from './registry.ts'
import type { Budget } from './socket-budget.ts'

/** What to look at, and how closely. */
export interface Check<P extends ProtocolName = ProtocolName> {
  probe: P
  host: string
  port: number
  options: OptionsByProtocol[P]
  /** One try at the first address alone, within this time. */
  once?: { timeoutMs: number; resolved(tookMs: number): void }
}

export interface ObserverOptions {
  probes: ProbeRegistry
  egress: EgressPolicy
  /** One for the process, whoever observes. */
  budget: Budget
  lookup: Lookup
  credential: ProbeIo['credential']
  credentialCa?: ProbeIo['credentialCa']
  requester: string
  /** For one try of a probe, from the moment it has its slot; for one name look-up as well. */
  timeoutMs: number
  /** Connections tried before silence is believed. */
  tries: number
  /** The pause before the second try; before the third it is twice as long, and so on. */
  spacingMs: number
  clock: () => Date
  /** Told of errors that are our own: a probe that threw, or did not end. */
  log: (error: unknown, check: Check) => void
}

/**
 * Makes one check: resolves the host once, looks at each of its addresses. Never rejects. Checks that send the same
 * credential share one `account` and come one after the other, so that a refusal is not repeated.
 */
export type Observe = <P extends ProtocolName>(check: Check<P>, account?: AccountUse) => Promise<Observation<P>>

interface World extends ObserverOptions {
  dial: Dial
  resolve: Resolver
}

/** What became of an account: its credential is not sent again after a refusal, which could lock it. */
export interface AccountUse {
  refused: boolean
}

/** What one check did with a credential. */
interface CredentialUse {
  given: boolean
  account: AccountUse
}

// The system gives a look-up up after ten seconds by default (resolv.conf: two tries of five seconds).
const nameServerPatienceMs = 15_000

/** The runner of probes: the only caller of a probe, and the only place where tries, deadlines and slots are dealt with. */
export function createObserver(options: ObserverOptions): Observe {
  const descriptors = watchDescriptors()
  const world: World = {
    ...options,
    dial: createDialler({ egress: options.egress, descriptors }),
    resolve: createResolver({
      lookup: options.lookup,
      timeoutMs: options.timeoutMs,
      parallel: lookupThreads(process.env),
      patienceMs: nameServerPatienceMs,
      descriptors,
    }),
  }
  return async (check, account = { refused: false }) => {
    const use: CredentialUse = { given: false, account }
    const addressResults = await probeAddresses(check, { use, world }).catch((error: unknown) =>
      failed(error, check, world),
    )
    const { probe, host, port } = check
    return { probe, host, port, observedAt: world.clock().toISOString(), addressResults }
  }
}

async function probeAddresses<P extends ProtocolName>(
  check: Check<P>,
  { use, world }: Circumstances,
): Promise<Observation<P>['addressResults']> {
  const askedAt = performance.now()
  const answer = await world.resolve(check.host)
  check.once?.resolved(performance.now() - askedAt)
  if ('state' in answer) return [undialled(null, answer)]
  const [first, ...rest] = answer
  if (first === undefined) throw new RangeError('the resolver gave no address and no reason')
  const sight = (address: string) =>
    probeAddress(check, { host: check.host, address, port: check.port }, { use, world })
  if (rest.length === 0 || check.once) return [await sight(first)]
  if (!usesCredential(check.options)) return Promise.all([sight(first), ...rest.map(sight)])
  // One after the other, so that a refusal by the first is known to the next.
  const addressResults: Observation<P>['addressResults'] = [await sight(first)]
  for (const address of rest) addressResults.push(await sight(address))
  return addressResults
}

function failed<P extends ProtocolName>(
  error: unknown,
  check: Check<P>,
  world: World,
): Observation<P>['addressResults'] {
  world.log(error, check)
  return [undialled(null, { state: 'unknown', reason: 'local-failure' })]
}

const usesCredential = (options: OptionsByProtocol[ProtocolName]): boolean =>
  'credentialRef' in options && options.credentialRef !== undefined

interface Circumstances {
  use: CredentialUse
  world: World
}

async function probeAddress<P extends ProtocolName>(
  check: Check<P>,
  endpoint: Endpoint,
  { use, world }: Circumstances,
): Promise<AddressResult<P>> {
  const { address, port } = endpoint
  if (!world.egress.permits(address, port)) return undialled(address, { state: 'unknown', reason: 'egress-denied' })
  for (let attempts = 1; ; attempts += 1) {
    const isLast = check.once !== undefined || attempts >= world.tries
    const tried = await tryOnce(check, endpoint, { use, world, isLast })
    if (tried.reason !== 'no-response' || isLast || use.given) return { address, ...tried, attempts }
    await pause(world.spacingMs * attempts)
  }
}

const undialled = <P extends ProtocolName>(address: string | null, outcome: Outcome): AddressResult<P> => ({
  address,
  ...outcome,
  facts: {},
  latencyMs: null,
  attempts: 0,
})

type Tried<P extends ProtocolName> = Omit<AddressResult<P>, 'address' | 'attempts'>

async function tryOnce<P extends ProtocolName>(
  check: Check<P>,
  endpoint: Endpoint,
  { use, world, isLast }: Circumstances & { isLast: boolean },
): Promise<Tried<P>> {
  await world.budget.acquire(endpoint.address)
  const startedAt = performance.now()
  const sockets = createSocketSet()
  try {
    const look = await runProbe(check, endpoint, { use, world, sockets })
    if (use.given && look.reason !== anyProtocols[check.probe].credentialAccepted) use.account.refused = true
    const latencyMs = millisecondsSince(startedAt)
    if (look.reason !== 'no-response' || !isLast) return { ...look, latencyMs }
    sockets.destroyAll() // the explanation needs a descriptor of its own, and has the one slot for it
    return { ...look, ...(await explainSilence(endpoint)), latencyMs }
  } catch (error) {
    world.log(error, check)
    return { state: 'unknown', reason: 'local-failure', facts: {}, latencyMs: millisecondsSince(startedAt) }
  } finally {
    sockets.destroyAll()
    world.budget.release(endpoint.address)
  }
}

interface SocketSet {
  keep(connection: Connection): Connection | Outcome
  destroyAll(): void
}

/** The connections of one try. None outlives it, not even one that comes after its end. */
function createSocketSet(): SocketSet {
  const sockets: Socket[] = []
  let ended = false
  return {
    keep(connection) {
      if (!ended) {
        sockets.push(connection.socket)
        return connection
      }
      connection.socket.destroy()
      return { state: 'unknown', reason: 'local-failure' }
    },
    destroyAll() {
      ended = true
      for (const socket of sockets) socket.destroy()
    },
  }
}

const millisecondsSince = (at: number): number => Math.round((performance.now() - at) * 10) / 10

function runProbe<P extends ProtocolName>(
  check: Check<P>,
  endpoint: Endpoint,
  { use, world, sockets }: Circumstances & { sockets: SocketSet },
): Promise<ProbeResult<P>> {
  // The deadline starts now that the slot is there: waiting for it is not the target's fault.
  const timeoutMs = check.once?.timeoutMs ?? world.timeoutMs
  const deadline = createDeadline(timeoutMs)
  const io: ProbeIo = {
    deadline,
    requester: world.requester,
    credentialCa: world.credentialCa,
    connect: (to) => world.dial(to, deadline).then((result) => (isConnection(result) ? sockets.keep(result) : result)),
    async credential(ref, to) {
      if (use.account.refused) return 'credential-withheld'
      const credential = await world.credential(ref, to)
      if (typeof credential !== 'string') use.given = true
      return credential
    },
  }
  return giveUpAfter(world.probes[check.probe](endpoint, check.options, io), timeoutMs * 2)
}

/** A probe keeps its deadline by itself. One that does not must not hold the audit for ever. */
function giveUpAfter<T>(running: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error(`a probe did not end ${ms} ms after it began`))
    // Where the event loop was late for both, the probe's own deadline has its turn first.
    let cancel = createDeadline(ms).onExpiry(() => {
      cancel = createDeadline(ms).onExpiry(giveUp)
    })
    running.then(resolve, reject).then(() => cancel())
  })
}
