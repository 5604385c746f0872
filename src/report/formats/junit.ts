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
 * JUnit XML for CI servers, valid by the schemas of windyroad (for Ant) and of Jenkins' xunit plugin: one suite, one test case per
 * finding. `fail` is a failure, `unknown` and `error` are errors, `notapplicable` and `notchecked` are skipped.
 */
export const renderJunit: Rendering = async function* (audit, findings) {
  const { counts, policy } = audit
  const suite = {
    name: `${policy.name}@${policy.version}`,
    package: 'portwarden',
    id: 0,
    hostname: 'localhost', // the value for an unknown host: vantages are not hosts
    timestamp: startOf(audit).slice(0, 'YYYY-MM-DDTHH:MM:SS'.length), // the schemas allow no time zone
    tests: totalOf(audit),
    failures: counts.fail,
    errors: counts.unknown + counts.error,
    skipped: counts.notapplicable + counts.notchecked,
    time: Math.max(0, Date.parse(endOf(audit)) - Date.parse(startOf(audit))) / 1000,
  }
  yield `${xmlHead}${openTag('testsuites')}\n${openTag('testsuite', suite)}\n`
  yield `${element('properties', {}, propertiesOf(audit))}\n`
  const rules = new Map(policy.document.rules.map((rule) => [rule.id, rule]))
  for await (const page of findings()) yield page.map((one) => testCase(audit, one, rules.get(one.rule))).join('')
  yield `${element('system-out')}${element('system-err')}\n</testsuite>\n</testsuites>\n`
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
  if (!name) return `${element('testcase', attributes)}\n`
  const url = pages.finding(fingerprint)
  const message = `${result}: ${reason.message}`
  const outcome =
    name === 'skipped'
      ? element(name, { message }, escapeXml(url ?? ''))
      : element(name, { message, type: reason.code }, escapeXml(explain(finding, { rule, url })))
  return `${element('testcase', attributes, outcome)}\n`
}

const explain = (
  { state, observedAt, evidence, waiver }: ReportedFinding,
  { rule, url }: { rule: PolicyRule | undefined; url: string | null },
): string =>
  [
    rule?.title,
    `state: ${state}, observed at ${observedAt}`,
    waiver && waivedText(waiver),
    rule?.remediation,
    evidence && `evidence: ${canonicalJson(evidence)}`,
    url,
  ]
    .filter((line) => line)
    .join('\n')
