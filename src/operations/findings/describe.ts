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

/** The parts of a described finding beside the finding; what findings share is the same object. */
interface DescribedParts {
  rule: RuleText & Pick<DescribedFinding, 'audit'>
  vantage: Pick<DescribedFinding, 'zones'>
  target: Pick<DescribedFinding, 'address' | 'labels' | 'externalId'>
  own: Pick<DescribedFinding, 'host' | 'port' | 'url'>
}

/** Returns what describes a finding of an audit; its policy and its vantages are read once. */
export async function createDescription(
  { policies, audits }: Pick<Stores, 'policies' | 'audits'>,
  { id, policy }: Pick<Audit, 'id' | 'policy'>,
  pages: PageUrls,
): Promise<(found: FindingOfTarget) => DescribedParts> {
  const version = await policies.find(policy.name, policy.version)
  if (!version) throw new Error(`audit ${id} has no policy`)
  const { document } = version
  const { params: auditParams } = await audits.paramsAndTargets(id)
  const zones = new Map((await audits.plannedVantages(id))?.map(({ name, zones }) => [name, zones]))
  const vantages = new Map<string, DescribedParts['vantage']>()
  const vantageOf = (vantage: string) => {
    const known = vantages.get(vantage) ?? { zones: zonesOf({ vantage, zones: zones.get(vantage) ?? [] }) }
    vantages.set(vantage, known)
    return known
  }
  const targets = new WeakMap<FindingOfTarget['target'], DescribedParts['target']>()
  const targetOf = (target: FindingOfTarget['target']) => {
    const { address, labels, externalId } = target
    const known = targets.get(target) ?? { address, labels, externalId }
    targets.set(target, known)
    return known
  }
  const ofPolicy = { audit: id, policy: policy.name, policyVersion: policy.version }
  const noRule = { ...ofPolicy, title: null, severity: null, controls: [], remediation: null }
  const rules = new Map(
    document.rules.map(({ id: rule, title, severity, controls = [], remediation = null }) => [
      rule,
      { ...ofPolicy, title, severity, controls, remediation },
    ]),
  )
  const resolve = createRules(document)
  const endpointOf = (rule: string, { params, address }: FindingOfTarget['target']) => {
    const resolved = resolve(rule, { params, auditParams })
    return { host: resolved ? (resolved.host ?? address) : null, port: resolved?.port ?? null, ports: resolved?.ports }
  }
  return ({ finding, target }) => {
    const { host, ports, port: first } = finding.evidence ?? endpointOf(finding.rule, target)
    const port = ports ? null : first
    return {
      rule: rules.get(finding.rule) ?? noRule,
      vantage: vantageOf(finding.vantage),
      target: targetOf(target),
      own: { host, port, url: pages.finding(finding.fingerprint) },
    }
  }
}

/** A finding with its parts, as one object. */
export function describeFinding(
  found: FindingOfTarget,
  { rule, vantage, target, own }: DescribedParts,
): DescribedFinding {
  return { ...found.finding, ...rule, ...vantage, ...target, ...own }
}
