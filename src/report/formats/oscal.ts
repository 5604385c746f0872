import type { PolicyRule } from '../../domain/policy/policy.ts'
import { deriveUuid } from '../../encoding/derived-uuid.ts'
import { arrayMember, openObject } from '../../encoding/json-stream.ts'
import { endOf, type Findings, type Rendering, type ReportedAudit, startOf } from './audit.ts'
import {
  findingOf,
  isConcluded,
  observationOf,
  riskOf,
  uuidOfPolicy,
  uuidOfTarget,
  uuidOfTool,
} from './oscal-findings.ts'
import { idOfControl, line, linksTo, prop, token } from './oscal-words.ts'

/**
 * OSCAL Assessment Results 1.2 (NIST). Every finding is an observation. Only `pass` and `fail` are OSCAL findings
 * (`satisfied`, `not-satisfied`), and a failure is also a risk. Controls without such a finding are not reviewed.
 * Reads the findings four times: inventory, observations, risks, findings.
 */
export const renderOscal: Rendering = async function* (audit, findings) {
  yield `{"assessment-results":${openObject(headOf(audit))},"results":[${openObject(resultOf(audit))}`
  yield `,"local-definitions":${openObject({ 'assessment-assets': assetsOf(audit) })}`
  const concluded = new Set<string>()
  yield* arrayMember('inventory-items', targetsOf(findings, concluded), (target) => ({
    uuid: uuidOfTarget(target),
    description: `Server ${target}`,
    props: [{ name: 'asset-id', value: target }],
  }))
  const { rules } = audit.policy.document
  yield `},"reviewed-controls":${JSON.stringify({ 'control-selections': reviewedControls(rules, concluded) })}`
  yield* arrayMember('observations', findings(), (finding) => observationOf(audit, finding))
  const byId = new Map(rules.map((rule) => [rule.id, rule]))
  yield* arrayMember('risks', findings(), (finding) => riskOf(audit, finding, byId.get(finding.rule)))
  yield* arrayMember('findings', findings(), (finding) => findingOf(audit, finding, byId.get(finding.rule)))
  yield `}],"back-matter":${JSON.stringify({ resources: [policyOf(audit)] })}}}\n`
}

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
      remarks: 'The policy version is the assessment plan; each of its rules is an activity.',
    },
    'local-definitions': {
      ...(objectives.length > 0 ? { 'objectives-and-methods': objectives } : {}),
      activities: policy.document.rules.map((rule) => activityOf(audit, rule)),
    },
  }
}

/** A rule as an objective of its first control; its activity has all of them. */
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

/** One selection per framework. */
const selectionsOf = (controls: readonly string[]) =>
  [...byFramework(controls)].map(([framework, some]) => ({ ...framed(framework), 'include-controls': idsOf(some) }))

/** Controls with an OSCAL finding; the others are excluded explicitly. */
function reviewedControls(rules: readonly PolicyRule[], concluded: ReadonlySet<string>) {
  const reviewed = new Set(rules.flatMap(({ id, controls = [] }) => (concluded.has(id) ? controls : [])))
  const selections = [...byFramework(rules.flatMap(({ controls = [] }) => controls))].map(([framework, some]) => {
    const [included, excluded] = [some.filter((one) => reviewed.has(one)), some.filter((one) => !reviewed.has(one))]
    return {
      ...framed(framework),
      'include-controls': idsOf(included.length > 0 ? included : some), // an empty list is invalid, so include and exclude all
      ...(excluded.length > 0 ? { 'exclude-controls': idsOf(excluded) } : {}),
    }
  })
  return selections.length > 0 ? selections : [{ description: 'The policy has no controls.', 'include-all': {} }]
}

const byFramework = (controls: readonly string[]) =>
  Map.groupBy(new Set(controls), (control) => control.slice(0, control.indexOf(':')))
const framed = (framework: string) => ({ description: framework, props: [prop('framework', framework)] })
const idsOf = (controls: readonly string[]) => controls.map((control) => ({ 'control-id': idOfControl(control) }))

function resultOf(audit: ReportedAudit) {
  const { id, status, verdict, counts, policy, pages } = audit
  return {
    uuid: deriveUuid('result', id),
    title: line(`${policy.name} version ${policy.version}`),
    description: `Results of audit ${id}.`,
    start: startOf(audit),
    end: endOf(audit),
    props: [
      prop('audit', id),
      prop('status', status),
      ...(verdict ? [prop('verdict', verdict)] : []),
      prop('policy-digest', policy.digest),
      ...Object.entries(counts).map(([result, count]) => prop(`count-${result}`, String(count))),
    ],
    ...linksTo(pages.audit(id)),
  }
}

const assetsOf = (audit: ReportedAudit) => ({
  components: [
    {
      uuid: uuidOfTool(audit),
      type: 'software',
      title: 'Portwarden',
      description: 'Audits server ports for compliance.',
      props: [{ name: 'version', value: audit.toolVersion }],
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

/** The distinct target names; adds rules with a pass or fail to `concluded`. */
async function* targetsOf(findings: Findings, concluded: Set<string>): AsyncGenerator<string[]> {
  let last: string | undefined
  for await (const page of findings()) {
    for (const finding of page) if (isConcluded(finding)) concluded.add(finding.rule)
    const names = page.map(({ target }) => target)
    yield names.filter((name, i) => name !== (i === 0 ? last : names[i - 1]))
    last = names.at(-1) ?? last
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
