import type { Audit } from '../../domain/audits.ts'
import type { Finding } from '../../domain/findings/finding.ts'
import { createRules } from '../../domain/policy/expected.ts'
import type { Severity } from '../../domain/policy/policy.ts'
import { zonesOf } from '../../domain/vantages/zones.ts'
import type { PageUrls } from '../../report/page-urls.ts'
import type { FindingOfTarget } from '../../store/audits/findings.ts'
import type { Stores } from '../../store/db/stores.ts'

/** What a rule says in a version of its policy; null where that version has no such rule. */
interface RuleText {
  policy: string
  policyVersion: number
  title: string | null
  severity: Severity | null
  controls: readonly string[]
  remediation: string | null
}

/** A finding that is understood without another request. */
export interface DescribedFinding extends Finding, RuleText {
  audit: string
  /** The zones of the vantage when the audit was planned; empty where that was not kept. */
  zones: readonly string[]
  /** The address of the target as it is now, and so are its labels and its external id. */
  address: string
  labels: Readonly<Record<string, string>>
  externalId: string | null
  /** The endpoint of the rule; null where it was not probed and does not resolve. */
  host: string | null
  port: number | null
  url: string | null
}

/** Returns what describes findings of an audit; its policy and its vantages are read once. */
export async function createDescription(
  { policies, audits }: Pick<Stores, 'policies' | 'audits'>,
  { id, policy }: Pick<Audit, 'id' | 'policy'>,
  pages: PageUrls,
): Promise<(findings: readonly FindingOfTarget[]) => DescribedFinding[]> {
  const version = await policies.find(policy.name, policy.version)
  if (!version) throw new Error(`audit ${id} has no policy`)
  const { params: auditParams } = await audits.paramsAndTargets(id)
  const zones = new Map((await audits.plannedVantages(id))?.map(({ name, zones }) => [name, zones]))
  const zonesByVantage = new Map<string, readonly string[]>()
  const zonesFor = (vantage: string) => {
    const known = zonesByVantage.get(vantage) ?? zonesOf({ vantage, zones: zones.get(vantage) ?? [] })
    zonesByVantage.set(vantage, known)
    return known
  }
  const { document } = version
  const ofPolicy = { policy: policy.name, policyVersion: policy.version }
  const noRule: RuleText = { ...ofPolicy, title: null, severity: null, controls: [], remediation: null }
  const texts = new Map(
    document.rules.map(({ id: rule, title, severity, controls = [], remediation = null }): [string, RuleText] => [
      rule,
      { ...ofPolicy, title, severity, controls, remediation },
    ]),
  )
  const resolve = createRules(document)
  const endpointOf = (rule: string, { params, address }: FindingOfTarget['target']) => {
    const resolved = resolve(rule, { params, auditParams })
    return { host: resolved ? (resolved.host ?? address) : null, port: resolved?.port ?? null }
  }
  return (findings) =>
    findings.map(({ finding, target }) => {
      const { host, port } = finding.evidence ?? endpointOf(finding.rule, target)
      return {
        ...finding,
        audit: id,
        ...(texts.get(finding.rule) ?? noRule),
        zones: zonesFor(finding.vantage),
        address: target.address,
        labels: target.labels,
        externalId: target.externalId,
        host,
        port,
        url: pages.finding(finding.fingerprint),
      }
    })
}
