import { severities } from '../../parts/results/results.ts'
import { statesText } from '../policies/expectation.ts'
import { type CurrentFinding, vantageText } from './current-finding.ts'

/** What has to change so that failures end: one change for all hosts and vantages that need the same. */
export interface Fix {
  /** `close` and `open` are changes of a firewall; `host` is one of the server itself. */
  kind: 'close' | 'open' | 'host'
  policy: string
  rule: string
  title: string
  severity: CurrentFinding['severity']
  port: number | null
  /** The states that the rule allows. */
  allowed: string
  reason: CurrentFinding['reason']
  /** From where it was seen: zones and vantages. */
  vantages: string[]
  hosts: { target: string; host: string; fingerprint: string }[]
}

/** The failures as the fewest changes, the most severe first, then those that help most hosts. */
export function fixesOf(findings: readonly CurrentFinding[]): Fix[] {
  const byVantage = Map.groupBy(findings, (finding) =>
    JSON.stringify([...changeOf(finding), finding.expected?.port, finding.vantage]),
  )
  const fixes = [...byVantage.values()].flatMap((group) => group.slice(0, 1).map((first) => fixOf(first, group)))
  const merged = Map.groupBy(fixes, ({ kind, policy, rule, port, reason, hosts }) =>
    JSON.stringify([kind, policy, rule, port, kind === 'host' && reason.code, hosts.map(({ target }) => target)]),
  )
  return [...merged.values()]
    .flatMap((group) =>
      group
        .slice(0, 1)
        .map((first) => ({ ...first, vantages: [...new Set(group.flatMap(({ vantages }) => vantages))] })),
    )
    .sort((a, b) => rank(a) - rank(b) || b.hosts.length - a.hosts.length)
}

const rank = ({ severity }: Fix) => (severity === null ? severities.length : severities.indexOf(severity))

/** What distinguishes one change from another, apart from its vantage. A flow changes in the same way for every reason. */
function changeOf(finding: CurrentFinding): unknown[] {
  const kind = kindOf(finding)
  return [kind, finding.policy, finding.rule, kind === 'host' && finding.reason.code]
}

/** The state is not allowed: a flow must change. It is: the server must. */
function kindOf({ expected, state }: CurrentFinding): Fix['kind'] {
  if (!expected) return 'host'
  const { state: demanded, onlyOpen } = expected.expect as { state?: string | string[]; onlyOpen?: unknown }
  if (onlyOpen !== undefined) return state === 'open' ? 'close' : 'host'
  const allowed = [demanded ?? 'open'].flat()
  if (allowed.includes(state)) return 'host'
  return allowed.includes('open') ? 'open' : 'close'
}

function fixOf(first: CurrentFinding, group: readonly CurrentFinding[]): Fix {
  const { policy, rule, title, severity, expected, reason } = first
  return {
    kind: kindOf(first),
    ...{ policy, rule, severity, reason },
    title: title ?? rule,
    port: expected?.port ?? null,
    allowed: statesText({ ...expected?.expect }),
    vantages: [vantageText(first)],
    hosts: group
      .map(({ target, fingerprint, expected: own }) => ({ target, fingerprint, host: own?.host ?? target }))
      .sort((a, b) => (a.target < b.target ? -1 : 1)),
  }
}

/** "3 hosts", or the name of the only one. */
export const hostsText = ({ hosts }: Fix): string => {
  const names = [...new Set(hosts.map(({ target }) => target))]
  return names.length === 1 ? (names[0] ?? '') : `${names.length.toLocaleString('en')} hosts`
}

/** What to do, in one sentence. */
export function fixText(fix: Fix): string {
  const { kind, vantages, port, allowed, reason } = fix
  if (kind === 'host') return `On ${hostsText(fix)}: ${reason.message}`
  return `${vantages.join(', ')} → ${hostsText(fix)} port ${port}: must be ${allowed}`
}

/** The list as text for a ticket: a line for each change, and its hosts below. */
export const fixListText = (fixes: readonly Fix[]): string =>
  fixes
    .map((fix) => {
      const hosts = fix.hosts.map(({ target, host }) => (host === target ? target : `${target} (${host})`))
      return [`[${fix.severity ?? 'no severity'}] ${fixText(fix)}`, `  ${fix.title}`, `  ${hosts.join(', ')}`].join(
        '\n',
      )
    })
    .join('\n\n')
