import type { LdapFacts } from '../../../domain/protocols/ldap.ts'
import type { CurrentFinding } from '../findings/current-finding.ts'

/** A step towards a bind: climbed, failed, not known, or behind a step that failed. */
export interface Step {
  name: string
  result: 'pass' | 'fail' | 'unknown' | 'notchecked'
  detail: string | undefined
}

/** How far a connection to a directory comes. */
export interface Ladder {
  /** "dc1.corp.example port 389 from client (local)". */
  title: string
  steps: Step[]
}

type Seen = Pick<CurrentFinding, 'evidence' | 'state' | 'reason' | 'vantage' | 'expected'>

/** A ladder for each directory and vantage, made of all findings about it. */
export function laddersOf(findings: readonly Seen[]): Ladder[] {
  const directories = findings.filter(({ evidence }) => evidence?.probe === 'ldap')
  const groups = Map.groupBy(
    directories,
    ({ evidence, vantage }) => `${evidence?.host} port ${evidence?.port} from ${vantage}`,
  )
  return [...groups].map(([title, group]) => ({ title, steps: stepsOf(group) }))
}

function stepsOf(group: readonly Seen[]): Step[] {
  const states = group.map(({ state }) => state)
  const facts: LdapFacts = Object.assign({}, ...group.flatMap(({ evidence }) => allFacts(evidence)))
  const codes: string[] = group.map(({ reason }) => reason.code)
  const isOpen = states.includes('open')
  const responds = facts.rootDse || facts.security || facts.activeDirectory !== undefined || facts.bind
  const { tls } = facts
  const isTrusted = tls?.trusted === undefined ? undefined : tls.trusted && tls.nameMatches !== false
  const steps: [name: string, isClimbed: boolean | undefined, detail?: string | undefined][] = [
    [
      'Name resolved',
      isOpen ? true : states.includes('unresolved') ? false : states.includes('unknown') ? undefined : true,
    ],
    ['Port open', isOpen ? true : states.includes('unknown') ? undefined : false, isOpen ? undefined : states[0]],
    ['Speaks LDAP', responds ? true : codes.includes('ldap-no-response') ? false : undefined],
    ['Is Active Directory', facts.activeDirectory, facts.rootDse?.dnsHostName],
    [
      'StartTLS or LDAPS',
      facts.security && facts.security !== 'plain' ? true : refusesTls(facts, codes),
      facts.security,
    ],
    [
      'Channel trusted, host named',
      isTrusted,
      tls?.trusted === false
        ? tls.trustError
        : tls?.nameMatches === false
          ? 'the certificate names another host'
          : tls?.protocol,
    ],
    ['Bind accepted', bindOf(facts), bindText(facts)],
  ]
  const failedAt = steps.findIndex(([, isClimbed]) => isClimbed === false)
  return steps.map(([name, isClimbed, detail], index) => ({
    name,
    result: failedAt >= 0 && index > failedAt ? 'notchecked' : resultOf(isClimbed),
    detail,
  }))
}

const resultOf = (isClimbed: boolean | undefined) => (isClimbed === undefined ? 'unknown' : isClimbed ? 'pass' : 'fail')

const allFacts = (evidence: CurrentFinding['evidence']): object[] =>
  Object.values(evidence?.addresses ?? {}).flatMap(({ facts }) => facts ?? [])

/** A channel in clear is a failure only where StartTLS was refused, or a rule demanded a channel. */
const refusesTls = (facts: LdapFacts, codes: readonly string[]): false | undefined =>
  facts.startTls?.offered === false ||
  codes.some((code) => ['ldap-starttls-refused', 'ldap-channel-not-allowed'].includes(code))
    ? false
    : undefined

const bindOf = ({ bind }: LdapFacts) => (bind?.as === 'credential' ? bind.resultCode === 0 : undefined)

function bindText({ bind, bindWithheld }: LdapFacts): string | undefined {
  if (bindWithheld) return 'the credential was not sent again after a refusal'
  if (bind?.as !== 'credential') return 'no rule binds with a credential'
  return bind.adCode ? `${bind.resultName}, data ${bind.adCode}` : bind.resultName
}
