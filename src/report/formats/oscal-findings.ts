import type { PolicyRule } from '../../domain/policy/policy.ts'
import { canonicalJson } from '../../encoding/canonical-json.ts'
import { deriveUuid } from '../../encoding/derived-uuid.ts'
import { type ReportedAudit, type ReportedFinding, sentenceOf } from './audit.ts'
import { line, linksTo, prop, token } from './oscal-words.ts'

export const uuidOfTarget = (target: string) => deriveUuid('target', target)
export const uuidOfPolicy = ({ policy }: ReportedAudit) => deriveUuid('policy', policy.name, policy.digest)
export const uuidOfTool = ({ toolVersion }: ReportedAudit) => deriveUuid('tool', toolVersion)
const uuidOfObservation = ({ id }: ReportedAudit, { fingerprint }: ReportedFinding) =>
  deriveUuid('observation', id, fingerprint)
/** Stable across audits. */
const uuidOfRisk = ({ fingerprint }: ReportedFinding) => deriveUuid('risk', fingerprint)

/** Whether a finding decides the objective of its rule. */
export const isConcluded = ({ result }: ReportedFinding): boolean => result === 'pass' || result === 'fail'

const originsOf = (audit: ReportedAudit) => [{ actors: [{ type: 'tool', 'actor-uuid': uuidOfTool(audit) }] }]
const observationsOf = (audit: ReportedAudit, finding: ReportedFinding) => [
  { 'observation-uuid': uuidOfObservation(audit, finding) },
]

/** Every finding as an OSCAL observation. */
export function observationOf(audit: ReportedAudit, finding: ReportedFinding) {
  const { target, rule, vantage, result, state, reason, observedAt, indirect, evidence } = finding
  const permissions = { window: finding.window, waiver: finding.waiver?.id ?? null }
  return {
    uuid: uuidOfObservation(audit, finding),
    title: line(`${rule} on ${target} from ${vantage}`),
    description: sentenceOf(finding),
    props: [
      prop('rule', rule),
      prop('vantage', vantage),
      prop('result', result),
      prop('state', state),
      prop('reason', reason.code),
      ...(indirect ? [prop('indirect', 'true')] : []),
      ...Object.entries(permissions).flatMap(([name, id]) => (id ? prop(name, id) : [])),
    ],
    ...linksTo(audit.pages.finding(finding.fingerprint)),
    methods: ['TEST'],
    types: ['control-objective'],
    origins: originsOf(audit),
    subjects: [{ 'subject-uuid': uuidOfTarget(target), type: 'inventory-item', title: target }],
    ...(evidence ? { 'relevant-evidence': [{ description: canonicalJson(evidence) }] } : {}),
    collected: observedAt,
  }
}

const aboutSeries = ({ rule, vantage, fingerprint }: ReportedFinding, known: PolicyRule | undefined) => [
  prop('rule', rule),
  prop('vantage', vantage),
  prop('fingerprint', fingerprint),
  ...(known ? [prop('severity', known.severity)] : []),
]

/** The risk of a failure; undefined for other results. A waiver is an approved deviation. */
export function riskOf(audit: ReportedAudit, finding: ReportedFinding, rule: PolicyRule | undefined) {
  const { result, target, fingerprint, waiver } = finding
  if (result !== 'fail') return undefined
  const title = rule?.title ?? finding.rule
  return {
    uuid: uuidOfRisk(finding),
    title: line(`${title}: ${target}`),
    description: sentenceOf(finding),
    statement: rule?.rationale ?? title,
    props: [...aboutSeries(finding, rule), ...(waiver ? [prop('waiver', waiver.id)] : [])],
    status: waiver ? 'deviation-approved' : 'open',
    origins: originsOf(audit),
    ...(waiver ? { deadline: waiver.expiresAt } : {}),
    ...(rule?.remediation
      ? {
          remediations: [
            {
              uuid: deriveUuid('remediation', fingerprint),
              lifecycle: 'recommendation',
              title: line(title),
              description: rule.remediation,
            },
          ],
        }
      : {}),
    'related-observations': observationsOf(audit, finding),
  }
}

/** The OSCAL finding; undefined unless the result is `pass` or `fail`. */
export function findingOf(audit: ReportedAudit, finding: ReportedFinding, rule: PolicyRule | undefined) {
  const { target, result, reason } = finding
  if (!isConcluded(finding)) return undefined
  return {
    uuid: deriveUuid('finding', audit.id, finding.fingerprint),
    title: line(`${rule?.title ?? finding.rule}: ${target}`),
    description: sentenceOf(finding),
    props: aboutSeries(finding, rule),
    target: {
      type: 'objective-id',
      'target-id': token(finding.rule),
      status: { state: result === 'pass' ? 'satisfied' : 'not-satisfied', reason: result, remarks: reason.message },
    },
    'related-observations': observationsOf(audit, finding),
    ...(result === 'fail' ? { 'related-risks': [{ 'risk-uuid': uuidOfRisk(finding) }] } : {}),
  }
}
