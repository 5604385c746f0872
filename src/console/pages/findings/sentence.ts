import { formatTime } from '../../parts/time.tsx'
import { statesText } from '../policies/expectation.ts'
import { type Detail, vantageText } from './current-finding.ts'
import { portText } from './port-text.ts'

type Current = NonNullable<Detail['current']>

/** What is so, in a sentence: "Port 22 of epp-01 is open from client (branch); it must be closed or filtered." */
export function sentenceOf(detail: Detail, { expected, state, reason }: Current): string {
  const vantage = vantageText(detail)
  if (!expected) return `${detail.target.name} from ${vantage}: ${reason.message}`
  const allowed = statesText({ ...expected.expect })
  const { name, address } = detail.target
  const host = expected.host === address || expected.host === name ? name : `${expected.host} for ${name}`
  const demand = allowed.split(/, | or /).includes(state) ? reason.message : `it must be ${allowed}.`
  if (expected.ports) return `Of ${portText(expected)} of ${host}, from ${vantage}: ${reason.message}`
  return `Port ${expected.port} of ${host} is ${state} from ${vantage}; ${lowerFirst(demand)}`
}

const lowerFirst = (text: string) => (/^[A-Z][a-z]/.test(text) ? (text[0]?.toLowerCase() ?? '') + text.slice(1) : text)

/** The finding as text for a ticket. */
export function ticketText(detail: Detail, current: Current): string {
  const { rule, policy, target, trace, fingerprint } = detail
  return [
    rule.title ?? rule.id,
    '',
    `${current.result}: ${sentenceOf(detail, current)}`,
    `Why: ${current.reason.message}`,
    ...(trace ? [`Path: ${trace.summary}`] : []),
    ...(rule.remediation ? [`How to fix: ${rule.remediation}`] : []),
    '',
    `Target: ${target.name} (${target.address})`,
    `Rule: ${rule.id} of ${policy.name}${policy.version === null ? '' : ` version ${policy.version}`}`,
    `Since: ${formatTime(current.since)}, last confirmed ${formatTime(current.lastConfirmed)}`,
    `Finding: ${fingerprint}`,
    location.href,
  ].join('\n')
}
