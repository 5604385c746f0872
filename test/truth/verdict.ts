import { randomUUID } from 'node:crypto'
import { type Judgement, judge } from '../../src/domain/findings/judge.ts'
import { type PlannedCheck, planTarget } from '../../src/domain/findings/plan.ts'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { checkOf } from '../../src/operations/audits/deduplicate-checks.ts'
import { ruleResolver } from '../../src/operations/audits/plan.ts'
import { builtInPolicies } from '../../src/policies/built-in.ts'
import { checkPolicy } from '../../src/policies/load.ts'
import type { Binds } from '../../src/probes/engine/binds.ts'
import { probes } from '../../src/probes/engine/registry.ts'
import { createObserver, type Observe } from '../../src/probes/engine/run-check.ts'
import { createBudget } from '../../src/probes/engine/socket-budget.ts'
import { createCredentials } from '../../src/probes/ldap/credentials.ts'
import type { Connector } from '../../src/probes/network/connector/connector.ts'
import { createEgressPolicy, parseAllow } from '../../src/probes/network/egress-policy.ts'
import type { Claim, Listener } from './row.ts'

type PlannedProbe = Extract<PlannedCheck, { kind: 'probe' }>

const [builtIn] = builtInPolicies() as [PolicyDocument]
const vantage = { name: 'here', zones: ['client', 'server', 'support', 'untrusted', 'admin'] }

/** Plans the claim for one listener, as an audit does. */
export function planClaim(claim: Claim, listener: Listener): PlannedProbe {
  const document = 'builtIn' in claim ? builtIn : policyOf(claim, listener)
  const params = 'builtIn' in claim ? { ...paramsFor(listener), ...claim.params } : {}
  const target = { name: 'target', address: listener.host, params }
  const rules = ruleResolver(document, {})(target as never)
  const id = 'builtIn' in claim ? claim.builtIn : 'claim'
  const check = planTarget(target, rules, [vantage]).find(
    (one): one is PlannedProbe => one.kind === 'probe' && one.rule.id === id,
  )
  if (!check) throw new Error(`the rule ${id} does not apply`)
  return check
}

function policyOf({ probe, expect }: Exclude<Claim, { builtIn: string }>, listener: Listener): PolicyDocument {
  const rule = { id: 'claim', title: 'Claim', severity: 'high', direction: 'inbound', from: ['client'] }
  const texts = Object.entries(listener.params ?? {}).map(([name, value]) => [name, { type: 'text', default: value }])
  const checked = checkPolicy({
    name: 'claim',
    title: 'Claim',
    parameters: {
      ...(listener.ca ? { trustedCa: { type: 'pem', default: listener.ca } } : {}),
      ...(listener.account ? { ldapCredential: { type: 'credential', default: listener.account.ref } } : {}),
      ...Object.fromEntries(texts),
    },
    rules: [{ ...rule, probe, port: listener.port, expect }],
  })
  if ('document' in checked) return checked.document
  throw new Error(checked.errors.map(({ pointer, message }) => `${pointer} ${message}`).join('; '))
}

const paramsFor = ({ host, port, ca, account }: Listener) => ({
  clientPort: port,
  sshPort: port,
  ldapPort: port,
  domainController: host,
  ...(ca ? { trustedCa: ca } : {}),
  ...(account ? { ldapCredential: account.ref } : {}),
})

/** Each row has an account of its own, or a state of one that no bind changes. */
const permissive: Binds = {
  salt: '5f'.repeat(32),
  claim: async () => ({ permitted: true, id: randomUUID() }),
  settle: async () => {},
}

/** The verdict of Portwarden: the claim planned, probed and judged as in an audit. */
export async function verdictOn(claim: Claim, listener: Listener, observe: Observe): Promise<Judgement> {
  const planned = planClaim(claim, listener)
  const windowOpen = 'builtIn' in claim && claim.windowOpen === true
  return judge(planned.rule, await (listener.observe ?? observe)(checkOf(planned.rule, planned.host), permissive), {
    windowOpen,
  })
}

/** A prober of loopback, with the names and the credentials of these listeners. */
export function observerFor(connector: Connector, listeners: () => readonly Listener[]): Observe {
  const addressOf = (name: string) => listeners().find(({ host }) => host.toLowerCase() === name)?.address
  return createObserver({
    probes,
    connector,
    egress: createEgressPolicy({ allow: parseAllow('127.0.0.0/8') }),
    budget: createBudget({ sockets: 64, perHost: 64 }),
    lookup: async (name) => {
      const address = addressOf(name)
      if (address === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' })
      return [address]
    },
    credential: (ref, endpoint) => {
      const account = listeners().find((listener) => listener.account?.ref === ref)?.account
      const grants = [{ ref, destinations: ['127.0.0.0/8'] }]
      return createCredentials(grants, { [ref.replace('env:', '')]: JSON.stringify(account) })(ref, endpoint)
    },
    requester: 'portwarden tests',
    timeoutMs: 10_000,
    tries: 3,
    spacingMs: 250,
    clock: () => new Date(),
    log: (error) => process.stderr.write(`${error}\n`),
  })
}
