import { type Permission, permissionAt } from '../../domain/exceptions/active-exception.ts'
import { createExpectations, type Expected } from '../../domain/policy/expected.ts'
import type { PageUrls } from '../../report/page-urls.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { CurrentFinding } from '../../store/history/current-findings.ts'

/** An outcome with the rule that it is about, as its policy was at that time. */
export interface DescribedFinding extends Omit<CurrentFinding, 'targetId' | 'seriesId' | 'params' | 'auditParams'> {
  /** The newest version of the policy at that time; null before the first. */
  policyVersion: number | null
  /** Null where the newest version of the policy has no such rule. */
  title: string | null
  controls: readonly string[]
  remediation: string | null
  /** The endpoint that was probed, else the expected one. */
  host: string | null
  port: number | null
  url: string | null
  /** Null where the rule does not apply, or cannot be resolved with the present parameters of the target. */
  expected: Expected | null
  waiver: { id: string; expiresAt: string } | null
  window: string | null
}

/** Adds what was expected, and which waiver and window were in force. */
export async function describeCurrent(
  { policies, waivers, windows }: Pick<Stores, 'policies' | 'waivers' | 'windows'>,
  at: Date,
  findings: readonly CurrentFinding[],
  pages: PageUrls,
): Promise<DescribedFinding[]> {
  const ofPolicy = Map.groupBy(findings, ({ policy }) => policy)
  const documents = new Map(
    (await policies.at([...ofPolicy.keys()], at)).map(({ name, version, document }) => [
      name,
      {
        version,
        rules: new Map(document.rules.map((rule) => [rule.id, rule])),
        expected: createExpectations(document),
      },
    ]),
  )
  const permissions = new Map<string, { waivers: Permission[]; windows: Permission[] }>()
  for (const [policy, some] of ofPolicy) {
    const query = { policy, targetIds: [...new Set(some.map(({ targetId }) => targetId))], from: at, until: at }
    permissions.set(policy, { waivers: await waivers.permissions(query), windows: await windows.permissions(query) })
  }
  return findings.map((finding) => {
    const { targetId, seriesId: _, params, auditParams, ...shown } = finding
    const { address } = finding
    const document = documents.get(finding.policy)
    const inForce = permissions.get(finding.policy) ?? { waivers: [], windows: [] }
    const about = { rule: finding.rule, targetId, at: at.getTime() }
    const waiver = finding.result === 'fail' ? permissionAt(inForce.waivers, about) : undefined
    const window = permissionAt(inForce.windows, about)
    const expected =
      document?.expected(finding.rule, { address, params, auditParams, windowOpen: window !== undefined }) ?? null
    const { host, ports, port: first } = finding.evidence ?? expected ?? { host: null, port: null, ports: undefined }
    const port = ports ? null : first
    const rule = document?.rules.get(finding.rule)
    return {
      ...shown,
      policyVersion: document?.version ?? null,
      title: rule?.title ?? null,
      controls: rule?.controls ?? [],
      remediation: rule?.remediation ?? null,
      host,
      port,
      url: pages.finding(finding.fingerprint),
      expected,
      waiver: waiver ? { id: waiver.id, expiresAt: new Date(waiver.until).toISOString() } : null,
      window: window?.id ?? null,
    }
  })
}
