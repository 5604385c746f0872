import type { Result } from '../../../src/domain/findings/judge.ts'
import { describeReason, type ReasonCode } from '../../../src/domain/findings/reasons.ts'
import type { State } from '../../../src/domain/findings/state.ts'
import { deriveUuid } from '../../../src/encoding/derived-uuid.ts'
import { builtInPolicies } from '../../../src/policies/built-in.ts'
import { createRegions } from '../../../src/policies/regions.ts'
import type { Rendering, ReportedAudit, ReportedFinding } from '../../../src/report/formats/audit.ts'
import { pageUrls } from '../../../src/report/page-urls.ts'

export const sampleUrl = 'https://audits.example/portwarden'

const [document] = builtInPolicies()
if (!document) throw new Error('no policy')

/** A finding of a rule of the built-in policy, about 10.0.0.5. */
export function findingOf(
  rule: string,
  result: Result,
  [state, code]: [State, ReasonCode],
  more: Partial<ReportedFinding> = {},
): ReportedFinding {
  const probed = state !== 'unknown'
  return {
    fingerprint: deriveUuid('sample', rule, more.vantage ?? 'local', more.target ?? 'epp-01'),
    target: 'epp-01',
    rule,
    vantage: 'local',
    result,
    state,
    reason: describeReason(code),
    observedAt: '2026-01-01T00:00:01.000Z',
    latencyMs: probed ? 3 : null,
    attempts: probed ? 1 : 0,
    indirect: false,
    late: false,
    evidence: probed
      ? { probe: 'tcp', host: '10.0.0.5', port: 22, addresses: { '10.0.0.5': { state, reason: code, facts: {} } } }
      : null,
    window: null,
    waiver: null,
    ...more,
  }
}

/** Each result once, text that every format must escape, and a waived failure on a second target. */
export const sampleFindings: readonly ReportedFinding[] = [
  findingOf('client-https', 'pass', ['open', 'as-expected'], {
    evidence: {
      probe: 'https',
      host: '10.0.0.5',
      port: 443,
      addresses: {
        '10.0.0.5': { state: 'open', reason: 'tls-ok', facts: { server: `<&"'>\u0000\u0007\uFFFF]]>\n` } as never },
      },
    },
  }),
  findingOf('ssh-restricted', 'fail', ['open', 'unexpected-state']),
  findingOf('ssh-restricted', 'unknown', ['unknown', 'audit-canceled'], { vantage: 'dmz' }),
  findingOf('ssh-support', 'notchecked', ['unknown', 'no-vantage-in-zone'], { vantage: 'zone:support' }),
  findingOf('ad-ldap', 'error', ['unknown', 'credential-unavailable']),
  findingOf('ui-https', 'notapplicable', ['unknown', 'condition-not-met']),
  findingOf('ssh-restricted', 'fail', ['open', 'unexpected-state'], {
    target: 'epp-02',
    waiver: { id: '019b7600-0000-7000-8000-000000000001', expiresAt: '2026-02-01T00:00:00.000Z' },
  }),
]

const count = (result: Result) => sampleFindings.filter((one) => one.result === result).length

export const sampleAudit: ReportedAudit = {
  id: '019b7600-0000-7000-8000-000000000000',
  status: 'completed',
  verdict: 'fail',
  trigger: 'api',
  counts: {
    pass: count('pass'),
    fail: count('fail'),
    unknown: count('unknown'),
    error: count('error'),
    notapplicable: count('notapplicable'),
    notchecked: count('notchecked'),
    waived: 1,
  },
  policy: { name: document.name, version: 3, digest: 'ab'.repeat(32), document },
  correlationId: ' CHG "1" <&>\n',
  reason: null,
  error: null,
  toolVersion: '0.1.0',
  pages: pageUrls(sampleUrl),
  regionOf: createRegions(document, null),
  createdAt: '2026-01-01T00:00:00.000Z',
  startedAt: '2026-01-01T00:00:00.500Z',
  finishedAt: '2026-01-01T00:00:03.000Z',
}

/** The document of an audit, with its findings in pages of this size. */
export async function renderAll(
  render: Rendering,
  { audit = sampleAudit, findings = sampleFindings, page = 2 } = {},
): Promise<string> {
  async function* pages() {
    yield []
    for (let i = 0; i < findings.length; i += page) yield findings.slice(i, i + page)
  }
  let text = ''
  for await (const piece of render(audit, pages)) text += piece
  return text
}
