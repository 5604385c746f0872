import type { PolicyRule } from '../../domain/policy/policy.ts'
import { canonicalJson } from '../../encoding/canonical-json.ts'
import { element, escapeXml, openTag, xmlHead } from '../../encoding/xml.ts'
import {
  endOf,
  type Rendering,
  type ReportedAudit,
  type ReportedFinding,
  startOf,
  totalOf,
  waivedText,
} from './audit.ts'

/**
 * JUnit XML for CI servers: one suite, one test case per finding. `fail` is a failure, `unknown` and `error` are errors,
 * `notapplicable` and `notchecked` are skipped.
 */
export const renderJunit: Rendering = async function* (audit, findings) {
  const { counts, policy } = audit
  const totals = {
    tests: totalOf(audit),
    failures: counts.fail,
    errors: counts.unknown + counts.error,
    time: (Date.parse(endOf(audit)) - Date.parse(startOf(audit))) / 1000,
  }
  const skipped = counts.notapplicable + counts.notchecked // Jenkins' schema allows it on a suite only
  const suite = { name: `${policy.name}@${policy.version}`, id: 0, ...totals, skipped, timestamp: startOf(audit) }
  yield `${xmlHead}${openTag('testsuites', { name: 'Portwarden', ...totals })}\n${openTag('testsuite', suite)}\n`
  yield `${element('properties', {}, propertiesOf(audit))}\n`
  const rules = new Map(policy.document.rules.map((rule) => [rule.id, rule]))
  for await (const page of findings()) yield page.map((one) => testCase(audit, one, rules.get(one.rule))).join('')
  yield '</testsuite>\n</testsuites>\n'
}

function propertiesOf(audit: ReportedAudit): string {
  const { id, status, verdict, policy, correlationId, toolVersion, pages } = audit
  const values = {
    audit: id,
    url: pages.audit(id),
    status,
    verdict,
    policyDigest: policy.digest,
    correlationId,
    toolVersion,
  }
  return Object.entries(values)
    .flatMap(([name, value]) => (value === null ? [] : element('property', { name, value })))
    .join('')
}

const elements = {
  pass: undefined,
  fail: 'failure',
  unknown: 'error',
  error: 'error',
  notapplicable: 'skipped',
  notchecked: 'skipped',
} as const

function testCase({ pages }: ReportedAudit, finding: ReportedFinding, rule: PolicyRule | undefined): string {
  const { target, vantage, result, reason, latencyMs, fingerprint } = finding
  const attributes = {
    classname: target,
    name: `${finding.rule} from ${vantage}`,
    time: latencyMs === null ? 0 : latencyMs / 1000,
  }
  const name = elements[result]
  const details = { message: `${result}: ${reason.message}`, ...(name === 'skipped' ? {} : { type: reason.code }) }
  const outcome = name ? element(name, details, name === 'skipped' ? '' : escapeXml(explain(finding, rule))) : ''
  const url = pages.finding(fingerprint)
  const output = url === null ? '' : element('system-out', {}, escapeXml(url))
  return `${element('testcase', attributes, outcome + output)}\n`
}

const explain = ({ state, observedAt, evidence, waiver }: ReportedFinding, rule: PolicyRule | undefined): string =>
  [
    rule?.title,
    `state: ${state}, observed at ${observedAt}`,
    waiver && waivedText(waiver),
    rule?.remediation,
    evidence && `evidence: ${canonicalJson(evidence)}`,
  ]
    .filter((line) => line)
    .join('\n')
