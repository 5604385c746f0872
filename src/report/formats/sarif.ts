import type { Result } from '../../domain/findings/judge.ts'
import type { PolicyRule } from '../../domain/policy/policy.ts'
import { deriveUuid } from '../../encoding/derived-uuid.ts'
import { arrayMember, openObject } from '../../encoding/json-stream.ts'
import { truncate } from '../../encoding/text.ts'
import {
  endOf,
  type Rendering,
  type ReportedAudit,
  type ReportedFinding,
  sentenceOf,
  startOf,
  waivedText,
} from './audit.ts'

/** Section 3.27.9: only `fail` has a level; `open` means not evaluated. */
const kinds = {
  pass: 'pass',
  fail: 'fail',
  unknown: 'open',
  error: 'open',
  notapplicable: 'notApplicable',
  notchecked: 'open',
} as const satisfies Record<Result, string>
const levels = { high: 'error', medium: 'warning', low: 'note' } as const
/** The ranks by which GitHub shows the same words. */
const securitySeverities = { high: '8.0', medium: '5.0', low: '2.0' } as const
/** Where a repository has its policies, for the location of a result: readers such as GitHub refuse a result without one. */
const repositoryRoot = '%SRCROOT%'
/** GitHub's limits: tags of a rule, and characters of its description. */
const [maxTags, maxDescription] = [20, 1024]

/** SARIF 2.1.0 (OASIS), as GitHub code scanning reads it: one run, one descriptor per rule, one result per finding. */
export const renderSarif: Rendering = async function* (audit, findings) {
  const { rules } = audit.policy.document
  const descriptors = new Map(rules.map((rule, i) => [rule.id, { rule, index: i }]))
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0' }
  yield `${openObject(log)},"runs":[${openObject(runOf(audit))}`
  const toResult = (finding: ReportedFinding) => resultOf(finding, { audit, descriptor: descriptors.get(finding.rule) })
  let none = true
  for await (const text of arrayMember('results', findings(), toResult)) {
    none = false
    yield text
  }
  if (none) yield ',"results":[]' // section 3.14.23: an empty list means that there was a scan
  yield '}]}\n'
}

function runOf(audit: ReportedAudit) {
  const { id, status, verdict, policy, correlationId, error, toolVersion, pages } = audit
  const [docs, url] = [pages.docs(), pages.audit(id)]
  return {
    tool: {
      driver: {
        name: 'Portwarden',
        version: toolVersion,
        semanticVersion: toolVersion,
        ...(docs === null ? {} : { informationUri: docs }),
        rules: policy.document.rules.map((rule) => descriptorOf(rule, pages.rule(policy, rule.id))),
      },
    },
    automationDetails: {
      id: `${policy.name}/${id}`,
      ...(correlationId ? { description: { text: correlationId } } : {}),
    },
    invocations: [
      {
        executionSuccessful: status === 'completed',
        startTimeUtc: startOf(audit),
        endTimeUtc: endOf(audit),
        ...(error ? { exitCodeDescription: error } : {}),
      },
    ],
    originalUriBaseIds: {
      [repositoryRoot]: {
        description: { text: 'A repository with the policies of the service as policies/NAME.yaml' },
      },
    },
    columnKind: 'utf16CodeUnits',
    properties: {
      audit: id,
      ...(url === null ? {} : { url }),
      status,
      verdict,
      policy: `${policy.name}@${policy.version}`,
      policyDigest: policy.digest,
    },
  }
}

const descriptorOf = (
  { id, title, severity, controls = [], rationale, remediation }: PolicyRule,
  helpUri: string | null,
) => ({
  id,
  name: id.replace(/(?:^|[^a-z0-9])([a-z0-9]?)/g, (_, letter: string) => letter.toUpperCase()),
  shortDescription: { text: title },
  fullDescription: { text: truncate(rationale || title, maxDescription) },
  help: { text: remediation || rationale || title },
  ...(helpUri === null ? {} : { helpUri }),
  defaultConfiguration: { level: levels[severity] },
  properties: {
    severity,
    'security-severity': securitySeverities[severity],
    precision: 'very-high',
    tags: ['security', ...controls].slice(0, maxTags),
  },
})

interface Descriptor {
  rule: PolicyRule
  index: number
}

function resultOf(
  finding: ReportedFinding,
  { audit, descriptor }: { audit: ReportedAudit; descriptor: Descriptor | undefined },
) {
  const { target, rule, vantage, result, state, reason, observedAt, latencyMs, attempts, indirect } = finding
  const { evidence, window, waiver, fingerprint } = finding
  const url = audit.pages.finding(fingerprint)
  return {
    ruleId: rule,
    ...(descriptor ? { ruleIndex: descriptor.index } : {}),
    kind: kinds[result],
    level: result === 'fail' ? levels[descriptor?.rule.severity ?? 'high'] : 'none',
    message: { text: sentenceOf(finding) },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: `policies/${audit.policy.name}.yaml`, uriBaseId: repositoryRoot },
          region: audit.regionOf(rule),
        },
        logicalLocations: [{ name: target, fullyQualifiedName: `${target}/${rule}@${vantage}`, kind: 'resource' }],
      },
    ],
    ...(waiver ? { suppressions: [{ kind: 'external', status: 'accepted', justification: waivedText(waiver) }] } : {}),
    ...(url === null ? {} : { hostedViewerUri: url }),
    guid: deriveUuid('result', audit.id, fingerprint),
    correlationGuid: fingerprint,
    partialFingerprints: { 'portwardenSeries/v1': fingerprint, primaryLocationLineHash: fingerprint },
    properties: {
      result,
      state,
      reason: reason.code,
      vantage,
      observedAt,
      latencyMs,
      attempts,
      indirect,
      window,
      evidence,
    },
  }
}
