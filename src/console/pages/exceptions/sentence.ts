import type { Effect } from './types.ts'

type Rule = Effect['rules'][number]

/** What a window does: "Opens SSH (port 22) from support on 3 targets for 2 h." */
export function windowSentence({ rules }: Pick<Effect, 'rules'>, duration: string): string {
  const applied = rules.filter(({ targets }) => targets > 0)
  if (applied.length === 0) return 'Opens nothing now: its rules apply to none of its targets.'
  return `${sentenceCase(applied.map(clauseOf).join('; '))} for ${duration}.`
}

function clauseOf({ probe, ports, from, inside, targets }: Rule): string {
  const shown = ports.length > 5 ? [...ports.slice(0, 5), '…'] : ports
  const port = `port ${shown.join(', ')}`
  const what = probe === 'tcp' ? port : `${probe.toUpperCase()} (${port})`
  const verb = inside?.includes('open') ? 'opens' : 'changes what is expected of'
  return `${verb} ${what} from ${from.join(' and ')} on ${count(targets, 'target')}`
}

/** What a waiver does: "Accepts 2 failures on 3 targets until 31 Mar 2027." */
export function waiverSentence({ findings, targets }: Pick<Effect, 'findings' | 'targets'>, until: string): string {
  if (findings.changed === 0)
    return `Accepts no failure now: none of its ${count(findings.count, 'finding')} fails without a waiver.`
  return `Accepts ${count(findings.changed, 'failure')} on ${count(targets.count, 'target')} until ${until}.`
}

/** What changes in the counts of the policy, by what is known now. */
export function countsSentence(
  kind: 'window' | 'waiver',
  { before, after, findings }: Pick<Effect, 'before' | 'after' | 'findings'>,
): string {
  if (findings.changed === 0) return 'With what is known now, no finding changes.'
  const open = (standing: Effect['before']) => standing.counts.fail - standing.waived
  const [from, to] = [open(before), open(after)]
  const counted = kind === 'waiver' ? 'Failures of the policy that nothing accepts' : 'Failures of the policy'
  if (from === to)
    return `With what is known now, ${count(findings.changed, 'finding')} ${findings.changed === 1 ? 'changes' : 'change'}.`
  const more = kind === 'window' && to > from ? ' A port that is closed fails while the window expects it open.' : ''
  return `${counted}: ${from.toLocaleString('en')} → ${to.toLocaleString('en')}.${more}`
}

export const count = (n: number, what: string): string => `${n.toLocaleString('en')} ${n === 1 ? what : `${what}s`}`

const sentenceCase = (text: string) => (text[0]?.toUpperCase() ?? '') + text.slice(1)
