import type { Socket } from 'node:net'
import { boundFacts, maxAddresses, maxFactsSize } from '../../domain/findings/bounds.ts'
import { type Family, familyOf } from '../../domain/findings/counted-addresses.ts'
import type { AddressResult, Observation } from '../../domain/findings/observation.ts'
import { anyProtocols, type OptionsByProtocol, type ProtocolName } from '../../domain/protocols/index.ts'
import { explainSilence } from '../network/connect-failure.ts'
import type { Connector } from '../network/connector/connector.ts'
import { createDialler, type Dialler } from '../network/dial.ts'
import type { EgressPolicy } from '../network/egress-policy.ts'
import { createResolver, type Lookup, lookupThreads, type Resolver } from '../network/resolve.ts'
import { createRoundTrips, type RoundTrips, timed } from '../network/round-trips.ts'
import { findRouteError, lacksFamilyOf } from '../network/routing.ts'
import { createDeadline } from './deadline.ts'
import { watchDescriptors } from './descriptor-pressure.ts'
import { createPresence, type HostPresence, presenceMs } from './host-presence.ts'
import { createOverdueWatch, type OverdueWatch } from './overdue.ts'
import type { Endpoint, Outcome, ProbeIo } from './probe.ts'
import type { ProbeRegistry } from './registry.ts'
import type { Budget } from './socket-budget.ts'
import { type RunningTry, repeatSilent } from './tries.ts'
import { type AccountUse, type CredentialUse, TryIo } from './try-io.ts'

/** One endpoint to probe. */
export interface Check<P extends ProtocolName = ProtocolName> {
  probe: P
  host: string
  port: number
  options: OptionsByProtocol[P]
  /** IP families whose addresses are probed; default: all. */
  families?: readonly Family[] | undefined
  /** Other ports of the host that the policy names, to which a TCP connection shows whether a silent host is there. */
  companions?: readonly number[] | undefined
  /** One try at the first address of `dial` alone, within this time. */
  once?: { timeoutMs: number; resolved(tookMs: number): void; dial: string }
}

export interface ObserverOptions {
  probes: ProbeRegistry
  egress: EgressPolicy
  /** One for the process. */
  connector: Connector
  /** One for the process. */
  budget: Budget
  lookup: Lookup
  credential: ProbeIo['credential']
  credentialCa?: ProbeIo['credentialCa']
  requester: string
  /** For one try of a probe, once it has its socket, and for one name query. */
  timeoutMs: number
  /** Connections tried before silence is believed. */
  tries: number
  /** The pause before the second try; each further one is longer by the same time. */
  spacingMs: number
  clock: () => Date
  /** Receives errors of the prober itself: a probe that threw, or did not end. */
  log: (error: unknown, check: Check) => void
}

/**
 * Makes one check: resolves the host once and probes each of its addresses. Never rejects. Checks with the same
 * credential share one `account` and run one after the other, so that a refusal is not repeated.
 */
export type Observe = <P extends ProtocolName>(check: Check<P>, account?: AccountUse) => Promise<Observation<P>>

interface World extends ObserverOptions {
  overdue: OverdueWatch
  presenceOf: (address: string) => HostPresence
  dialler: Dialler
  resolve: Resolver
  roundTrips: RoundTrips
  /** Milliseconds for each connection of a patient try. */
  patientMs: number
}

/** How much longer than the others the last try of a peer waits that is silent inside its protocol. */
const patience = 3

/** More than a probe makes, each of which has that time. */
const maxConnections = 20

// resolv.conf: by default two tries of five seconds.
const nameServerPatienceMs = 15_000

/** Least time between two tries, as the least retransmission timeout of Linux (TCP_RTO_MIN). */
const minOverlapMs = 200

/** The only caller of probes, and the only owner of tries, deadlines and sockets. */
export function createObserver(options: ObserverOptions): Observe {
  const descriptors = watchDescriptors()
  const roundTrips = createRoundTrips({ floorMs: minOverlapMs, now: () => performance.now() })
  const connector = timed(options.connector, roundTrips)
  const dialler = createDialler({ connector, egress: options.egress, descriptors })
  const world: World = {
    ...options,
    patientMs: options.timeoutMs * patience,
    roundTrips,
    dialler,
    overdue: createOverdueWatch(),
    presenceOf: createPresence({ dialler, budget: options.budget }),
    resolve: createResolver({
      lookup: options.lookup,
      timeoutMs: options.timeoutMs,
      parallel: lookupThreads(process.env),
      patienceMs: nameServerPatienceMs,
      descriptors,
    }),
  }
  return async <P extends ProtocolName>(check: Check<P>, account = { refused: false }) => {
    let addressResults: Observation<P>['addressResults']
    try {
      addressResults = await probeAddresses(check, { account, world })
    } catch (error) {
      world.log(error, check)
      addressResults = [undialled(null, { state: 'unknown', reason: 'local-failure' })]
    }
    const { probe, host, port } = check
    const observation = { probe, host, port, observedAt: world.clock().toISOString(), addressResults }
    return boundFacts([observation], maxFactsSize)[0] ?? observation
  }
}

async function probeAddresses<P extends ProtocolName>(
  check: Check<P>,
  { account, world }: Circumstances,
): Promise<Observation<P>['addressResults']> {
  const startedAt = performance.now()
  const found = await world.resolve(check.once?.dial ?? check.host)
  check.once?.resolved(performance.now() - startedAt)
  if ('state' in found) return [undialled(null, found)]
  const { families } = check
  const resolved = families ? found.filter((address) => families.includes(familyOf(address))) : found
  const [first] = resolved
  if (first === undefined) return [undialled(null, noAddressOfFamily)]
  if (resolved.length > 1 && !check.once) return probeSeveral(check, resolved, { account, world })
  return [await probeAddress(check, { host: check.host, address: first, port: check.port }, { account, world })]
}

// Apart from the rest, because checks in flight keep the variables of their functions.
async function probeSeveral<P extends ProtocolName>(
  check: Check<P>,
  resolved: readonly string[],
  { account, world }: Circumstances,
): Promise<Observation<P>['addressResults']> {
  const [first = '', ...rest] = resolved.slice(0, maxAddresses)
  const surplus = resolved.length > maxAddresses ? [undialled<P>(null, tooManyAddresses)] : []
  const probeOne = async (address: string) => {
    const endpoint = { host: check.host, address, port: check.port }
    const isAllowed = world.egress.permits(address, check.port)
    if (isAllowed && (await cannotReach(endpoint, resolved))) return undialled<P>(address, ipFamilyMissing)
    return probeAddress(check, endpoint, { account, world })
  }
  if (!usesCredential(check.options)) {
    const all = await Promise.all([probeOne(first), ...rest.map(probeOne)])
    return [...all, ...surplus]
  }
  // One after the other, so that a refusal at the first stops the next.
  const addressResults: Observation<P>['addressResults'] = [await probeOne(first)]
  for (const address of rest) addressResults.push(await probeOne(address))
  return [...addressResults, ...surplus]
}

/** Whether the host has another family, which is the only one that this vantage has (RFC 6724 section 5, rule 1). */
const cannotReach = async ({ address, port }: Endpoint, all: readonly string[]): Promise<boolean> =>
  lacksFamilyOf(address) &&
  all.some((other) => familyOf(other) !== familyOf(address)) &&
  (await findRouteError(address, port)) !== undefined

const usesCredential = (options: OptionsByProtocol[ProtocolName]): boolean =>
  'credentialRef' in options && options.credentialRef !== undefined

interface Circumstances {
  account: AccountUse
  world: World
}

async function probeAddress<P extends ProtocolName>(
  check: Check<P>,
  endpoint: Endpoint,
  { account, world }: Circumstances,
): Promise<AddressResult<P>> {
  const { address, port } = endpoint
  if (!world.egress.permits(address, port)) return undialled(address, { state: 'unknown', reason: 'egress-denied' })
  const host = world.presenceOf(address)
  const use: CredentialUse = { given: false, account }
  // A credential is sent once at a time, so that no other try follows its refusal.
  const mayOverlap = !usesCredential(check.options)
  const startTry = (isLast: boolean, onSent: () => void): RunningTry<Tried<P>> => {
    const sockets: Socket[] = []
    const ended = tryOnce(check, endpoint, { use, world, host, sockets, isLast, onSent }).then((result) => ({
      result,
      isSilent: result.reason === 'no-response' && !use.given,
    }))
    return { ended, isSilent: () => sockets.length === 0 }
  }
  try {
    const { result, attempts } = await repeatSilent<Tried<P>>({
      tries: check.once ? 1 : world.tries,
      spacingMs: world.spacingMs,
      overlapMs: () => (mayOverlap ? world.roundTrips.timeoutMs(address, world.timeoutMs) : undefined),
      start: startTry,
    })
    if (result.waitedMs !== undefined && !check.once && !use.given) {
      const patientResult = await tryPatiently(check, endpoint, { use, world, host, seen: result })
      return { address, ...patientResult, attempts: attempts + 1 }
    }
    const isSilent = result.reason === 'no-response' && mayMissAbsence(check, world)
    const explanation = isSilent ? await host.explainSilence(endpoint) : undefined
    return { address, ...result, ...explanation, attempts }
  } finally {
    host.leave()
  }
}

/** Tries once more with more time. What it cannot connect to proves nothing against the open port that was seen. */
async function tryPatiently<P extends ProtocolName>(
  check: Check<P>,
  endpoint: Endpoint,
  { seen, ...parts }: Pick<TryParts, 'use' | 'world' | 'host'> & { seen: Tried<P> },
): Promise<Tried<P>> {
  const { patient } = parts.world.budget
  await patient.acquire(endpoint.address)
  try {
    const result = await tryOnce(check, endpoint, {
      ...parts,
      sockets: [],
      isLast: false,
      onSent() {},
      isPatient: true,
    })
    return result.state === 'open' ? result : seen
  } finally {
    patient.release(endpoint.address)
  }
}

/** A try that waits long enough is reported the absence of its host by itself. */
const mayMissAbsence = (check: Check, { timeoutMs }: World): boolean =>
  check.once === undefined && timeoutMs < presenceMs

const ipFamilyMissing: Outcome = { state: 'unknown', reason: 'ip-family-missing' }
const noAddressOfFamily: Outcome = { state: 'unresolved', reason: 'no-address-of-family' }
/** Of the addresses that are not probed: nothing is known of them. */
const tooManyAddresses: Outcome = { state: 'unknown', reason: 'response-too-large' }

const undialled = <P extends ProtocolName>(address: string | null, outcome: Outcome): AddressResult<P> => ({
  address,
  ...outcome,
  facts: {},
  latencyMs: null,
  attempts: 0,
})

interface TryParts {
  use: CredentialUse
  world: World
  host: HostPresence
  sockets: Socket[]
  isLast: boolean
  onSent: () => void
  /** Gives each connection more time. */
  isPatient?: boolean
}

type Tried<P extends ProtocolName> = Omit<AddressResult<P>, 'address' | 'attempts'>

async function tryOnce<P extends ProtocolName>(
  check: Check<P>,
  endpoint: Endpoint,
  { use, world, host, sockets, isLast, onSent, isPatient = false }: TryParts,
): Promise<Tried<P>> {
  await world.budget.acquire(endpoint.address)
  const startedAt = performance.now()
  onSent()
  // The deadline starts here: waiting for a socket says nothing of the target.
  const timeoutMs = isPatient ? world.patientMs : (check.once?.timeoutMs ?? world.timeoutMs)
  let extended: Promise<unknown> | undefined
  const mayExtend = !isPatient && mayMissAbsence(check, world)
  const extension = mayExtend ? host.extend((ended) => (extended = ended)) : undefined
  const deadline = createDeadline(timeoutMs, isPatient)
  const io = new TryIo(world, { deadline, credentialMs: world.patientMs, use, sockets, extension })
  try {
    const running = world.probes[check.probe](endpoint, check.options, io)
    const boundMs = isPatient ? timeoutMs * maxConnections : timeoutMs + world.patientMs
    const result = await world.overdue.within(running, boundMs)
    const waited = result.state === 'open' && (deadline.expired || result.reason === 'protocol-timeout')
    if (use.given && result.reason !== anyProtocols[check.probe].credentialAccepted) use.account.refused = true
    host.saw(result, extension !== undefined)
    const latencyMs = tenths(result.latencyMs ?? performance.now() - startedAt)
    if (waited) return { ...result, latencyMs, waitedMs: use.given ? world.patientMs : timeoutMs }
    if (result.reason !== 'no-response' || !isLast) return { ...result, latencyMs }
    io.end() // the explanation needs the one socket of this check
    return { ...result, ...(await explainSilence(endpoint)), latencyMs }
  } catch (error) {
    world.log(error, check)
    return { state: 'unknown', reason: 'local-failure', facts: {}, latencyMs: tenths(performance.now() - startedAt) }
  } finally {
    io.end()
    const release = () => world.budget.release(endpoint.address)
    if (extended) void extended.finally(release)
    else release()
  }
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10
