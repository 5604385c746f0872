import { judge } from '../../domain/findings/judge.ts'
import type { Observation } from '../../domain/findings/observation.ts'
import { type Discovery, type DiscoveryOrder, maxEndpoints } from '../../domain/learning/discovery.ts'
import { type Form, forms, hintedFor, plainForm, ruleOf } from '../../domain/learning/forms.ts'
import type { Check } from '../../probes/engine/check.ts'
import { required } from '../../runtime/required.ts'
import { checkKey, checkOf } from '../audits/deduplicate-checks.ts'
import { type CheckRunner, runChecks } from '../audits/run-checks.ts'

interface Endpoint {
  target: number
  host: string
  port: number
}
type Seen = Map<Endpoint, Observation>
type Observe = (endpoints: readonly Endpoint[], form: Form) => Promise<Seen>

/** Checks that run together: their facts fit into memory. */
const checksPerRound = 500

/** Every port seems closed from there, so nothing is known. */
export class OfflineError extends Error {}

/**
 * Finds which ports of the targets are open and what speaks there: TCP first, then the protocols that the port suggests, then TLS,
 * then what the first bytes suggest, then LDAP. A port gets the first form whose rule holds. Throws OfflineError, and the reason of `signal`.
 */
export async function discover(
  runner: CheckRunner,
  order: DiscoveryOrder,
  { now, signal }: { now: () => Date; signal: AbortSignal },
): Promise<Discovery> {
  const observe = createObserve(runner, signal)
  const { open, undecided } = await findOpen(observe, endpointsOf(order))
  const found = new Map<Endpoint, Form>()
  const recognize = (some: readonly Endpoint[], formsFor: (endpoint: Endpoint) => readonly Form[]) =>
    recognizeWith(observe, found, { some, formsFor })
  const without = () => open.filter((endpoint) => !found.has(endpoint))

  await recognize(open, ({ port }) => hintedFor(port))
  const greeted = await recognize(without(), () => formsWith('tls'))
  await recognize(
    open.filter((endpoint) => found.get(endpoint)?.probe === 'tls'),
    () => formsWith('https'),
  )
  await recognize(without(), (endpoint) => formsWith(spokenIn(greeted.get(endpoint))))
  // A directory server closes what is no LDAP; to a silent one a second wait would be in vain.
  const isSilent = (endpoint: Endpoint) => greeted.get(endpoint)?.addressResults[0].reason === 'protocol-timeout'
  await recognize(
    without().filter((endpoint) => !isSilent(endpoint)),
    () => formsWith('ldap'),
  )
  return {
    observedAt: now().toISOString(),
    open: open.map((one) => ({ target: one.target, port: one.port, form: (found.get(one) ?? plainForm).id })),
    undecided,
  }
}

function endpointsOf({ targets, ports }: DiscoveryOrder): Endpoint[] {
  const endpoints = targets.flatMap(({ address }, target) => ports.map((port) => ({ target, host: address, port })))
  if (endpoints.length > maxEndpoints) throw new RangeError(`more than ${maxEndpoints} endpoints`)
  return endpoints
}

const formsWith = (probe: string | undefined) => forms.filter((form) => form.probe === probe)

/** What a peer spoke at a TLS handshake; names of protocols. */
function spokenIn(seen: Observation | undefined): string | undefined {
  const facts = seen?.addressResults[0].facts
  return facts && 'spoke' in facts ? facts.spoke : undefined
}

const judgementOf = (form: Form, { port }: Endpoint, seen: Observation) =>
  judge(ruleOf(form, port), seen, { windowOpen: false })

async function findOpen(observe: Observe, endpoints: readonly Endpoint[]) {
  const open: Endpoint[] = []
  const undecided = new Map<string, Discovery['undecided'][number]>()
  for (const [endpoint, seen] of await observe(endpoints, plainForm)) {
    const { result, reason } = judgementOf(plainForm, endpoint, seen)
    if (result === 'pass') open.push(endpoint)
    if (result !== 'unknown' && result !== 'error') continue
    const { target } = endpoint
    const known = undecided.get(`${target} ${reason}`) ?? { target, reason, ports: 0 }
    undecided.set(`${target} ${reason}`, { ...known, ports: known.ports + 1 })
  }
  return { open, undecided: [...undecided.values()] }
}

/** Sets the first form that holds of each endpoint; returns what was last observed of each. */
async function recognizeWith(
  observe: Observe,
  found: Map<Endpoint, Form>,
  { some, formsFor }: { some: readonly Endpoint[]; formsFor: (endpoint: Endpoint) => readonly Form[] },
): Promise<Seen> {
  const last: Seen = new Map()
  const wanted = new Map(some.map((endpoint) => [endpoint, formsFor(endpoint)]))
  for (const form of forms) {
    const mine = [...wanted].filter(([, own]) => own.includes(form)).map(([endpoint]) => endpoint)
    for (const [endpoint, seen] of await observe(mine, form)) {
      last.set(endpoint, seen)
      if (judgementOf(form, endpoint, seen).result !== 'pass') continue
      found.set(endpoint, form)
      wanted.delete(endpoint)
    }
  }
  return last
}

/** Observes in parts. Forms of one protocol share what was seen, unless they examine more. */
function createObserve(runner: CheckRunner, signal: AbortSignal): Observe {
  const known = new Map<string, Observation>()
  return async (endpoints, form) => {
    const seen: Seen = new Map()
    const checks = endpoints.map((endpoint): [Endpoint, Check] => [
      endpoint,
      checkOf(ruleOf(form, endpoint.port), endpoint.host),
    ])
    const missing = checks.filter(([, check]) => !known.has(checkKey(check)))
    for (let i = 0; i < missing.length; i += checksPerRound) {
      signal.throwIfAborted()
      const part = missing.slice(i, i + checksPerRound).map(([, check]) => check)
      const observations = await runChecks(runner, part)
      if (!observations) throw new OfflineError()
      for (const [index, check] of part.entries())
        known.set(checkKey(check), required(observations[index], 'an observation'))
    }
    for (const [endpoint, check] of checks) seen.set(endpoint, required(known.get(checkKey(check)), 'an observation'))
    if (form === plainForm) known.clear() // most of them are closed, and none is observed again
    return seen
  }
}
