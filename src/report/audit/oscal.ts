import { canonicalJson } from '../../domain/canonical.ts'
import type { PolicyRule } from '../../domain/policy.ts'
import { deriveUuid } from '../ids.ts'
import { arrayMember, openObject } from '../json.ts'
import {
  endOf,
  type Findings,
  type Rendering,
  type ReportedAudit,
  type ReportedFinding,
  sentenceOf,
  startOf,
} from './audit.ts'
import { idOfControl, line, prop, token } from './oscal-words.ts'

/**
 * OSCAL Assessment Results 1.2 (NIST). Every finding is an observation, with its result as a property. Only `pass` and
 * `fail` are findings as OSCAL means them (`satisfied`, `not-satisfied`): of anything else nothing is concluded. The
 * findings are read three times, for the inventory, the observations and the findings.
 */
export const renderOscal: Rendering = async function* (audit, findings) {
  yield `{"assessment-results":${openObject(headOf(audit))},"results":[${openObject(resultOf(audit))}`
  yield `,"local-definitions":${openObject({ 'assessment-assets': assetsOf(audit) })}`
  yield* arrayMember('inventory-items', targetsOf(findings), (target) => ({
    uuid: uuidOfTarget(target),
    description: `The server ${target}`,
    props: [prop('asset-id', target)],
  }))
  yield '}'
  yield* arrayMember('observations', findings(), (finding) => observationOf(audit, finding))
  const rules = new Map(audit.policy.document.rules.map((rule) => [rule.id, rule]))
  yield* arrayMember('findings', findings(), (finding) => findingOf(audit, finding, rules.get(finding.rule)))
  yield `}],"back-matter":${JSON.stringify({ resources: [policyOf(audit)] })}}}\n`
}

const uuidOfTarget = (target: string) => deriveUuid('target', target)
const uuidOfPolicy = ({ policy }: ReportedAudit) => deriveUuid('policy', policy.name, policy.digest)
const uuidOfTool = ({ toolVersion }: ReportedAudit) => deriveUuid('tool', toolVersion)
const uuidOfObservation = ({ id }: ReportedAudit, { fingerprint }: ReportedFinding) =>
  deriveUuid('observation', id, fingerprint)

function headOf(audit: ReportedAudit) {
  const { id, policy } = audit
  const objectives = policy.document.rules.flatMap(objectiveOf)
  return {
    uuid: deriveUuid('assessment-results', id),
    metadata: {
      title: line(`Audit of ${policy.document.title}`),
      'last-modified': endOf(audit),
      version: id,
      'oscal-version': '1.2.1',
      props: [
        prop('tool-version', audit.toolVersion),
        ...[audit.correlationId].flatMap((text) => (text && line(text) ? prop('correlation-id', line(text)) : [])),
      ],
    },
    'import-ap': {
      href: `#${uuidOfPolicy(audit)}`,
      remarks: 'The policy version is the plan: each of its rules is an activity.',
    },
    'local-definitions': {
      ...(objectives.length > 0 ? { 'objectives-and-methods': objectives } : {}),
      activities: policy.document.rules.map((rule) => activityOf(audit, rule)),
    },
  }
}

/** The claim of a rule, as an objective of the first control that it names; its activity has the others. */
const objectiveOf = ({ id, title, controls = [], rationale }: PolicyRule) =>
  controls.slice(0, 1).map((control) => ({
    'control-id': idOfControl(control),
    parts: [
      { id: token(id), name: 'assessment-objective', title: line(title), ...(rationale ? { prose: rationale } : {}) },
    ],
  }))

const activityOf = (
  audit: ReportedAudit,
  { id, title, severity, direction, from, probe, controls = [], rationale }: PolicyRule,
) => ({
  uuid: deriveUuid('rule', uuidOfPolicy(audit), id),
  title: line(title),
  description: rationale ?? title,
  props: [
    prop('rule', id),
    prop('severity', severity),
    prop('direction', direction),
    prop('probe', probe),
    ...from.map((zone) => prop('zone', zone)),
  ],
  ...(controls.length > 0 ? { 'related-controls': { 'control-selections': selectionsOf(controls) } } : {}),
})

/** One selection for each framework. */
const selectionsOf = (controls: readonly string[]) =>
  [...Map.groupBy(new Set(controls), (control) => control.slice(0, control.indexOf(':')))].map(([framework, some]) => ({
    description: framework,
    props: [prop('framework', framework)],
    'include-controls': some.map((control) => ({ 'control-id': idOfControl(control) })),
  }))

function resultOf(audit: ReportedAudit) {
  const { id, status, verdict, counts, policy } = audit
  const controls = policy.document.rules.flatMap((rule) => rule.controls ?? [])
  return {
    uuid: deriveUuid('result', id),
    title: line(`${policy.name} version ${policy.version}`),
    description: `What the audit ${id} found.`,
    start: startOf(audit),
    end: endOf(audit),
    props: [
      prop('audit', id),
      prop('status', status),
      ...(verdict ? [prop('verdict', verdict)] : []),
      prop('policy-digest', policy.digest),
      ...Object.entries(counts).map(([result, count]) => prop(`count-${result}`, String(count))),
    ],
    'reviewed-controls': {
      'control-selections':
        controls.length > 0
          ? selectionsOf(controls)
          : [{ description: 'The policy names no control.', 'include-all': {} }],
    },
  }
}

const assetsOf = (audit: ReportedAudit) => ({
  components: [
    {
      uuid: uuidOfTool(audit),
      type: 'software',
      title: 'Portwarden',
      description: 'Audits server ports for compliance.',
      props: [prop('version', audit.toolVersion)],
      status: { state: 'operational' },
    },
  ],
  'assessment-platforms': [
    {
      uuid: deriveUuid('platform', audit.toolVersion),
      title: 'Portwarden',
      'uses-components': [{ 'component-uuid': uuidOfTool(audit) }],
    },
  ],
})

async function* targetsOf(findings: Findings): AsyncGenerator<string[]> {
  let last: string | undefined
  for await (const page of findings()) {
    const names = page.map(({ target }) => target)
    yield names.filter((name, i) => name !== (i === 0 ? last : names[i - 1]))
    last = names.at(-1) ?? last
  }
}

function observationOf(audit: ReportedAudit, finding: ReportedFinding) {
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
    methods: ['TEST'],
    types: ['control-objective'],
    origins: [{ actors: [{ type: 'tool', 'actor-uuid': uuidOfTool(audit) }] }],
    subjects: [{ 'subject-uuid': uuidOfTarget(target), type: 'inventory-item', title: target }],
    ...(evidence ? { 'relevant-evidence': [{ description: canonicalJson(evidence) }] } : {}),
    collected: observedAt,
  }
}

function findingOf(audit: ReportedAudit, finding: ReportedFinding, rule: PolicyRule | undefined) {
  const { target, vantage, result, reason } = finding
  if (result !== 'pass' && result !== 'fail') return undefined
  return {
    uuid: deriveUuid('finding', audit.id, finding.fingerprint),
    title: line(`${rule?.title ?? finding.rule}: ${target}`),
    description: sentenceOf(finding),
    props: [
      ...[prop('rule', finding.rule), prop('vantage', vantage), prop('fingerprint', finding.fingerprint)],
      ...(rule ? [prop('severity', rule.severity)] : []),
    ],
    target: {
      type: 'objective-id',
      'target-id': token(finding.rule),
      status: { state: result === 'pass' ? 'satisfied' : 'not-satisfied', reason: result, remarks: reason.message },
    },
    'related-observations': [{ 'observation-uuid': uuidOfObservation(audit, finding) }],
    ...(result === 'fail' && rule?.remediation ? { remarks: rule.remediation } : {}),
  }
}

const policyOf = (audit: ReportedAudit) => {
  const { name, version, digest, document } = audit.policy
  return {
    uuid: uuidOfPolicy(audit),
    title: line(document.title),
    ...(document.source ? { description: document.source } : {}),
    props: [prop('name', name), prop('version', String(version)), prop('digest', digest)],
    rlinks: [{ href: `/v1/policies/${name}/versions/${version}`, 'media-type': 'application/json' }],
  }
}
