import { NotFoundError } from '../../domain/errors.ts'
import { waiverState } from '../../domain/exceptions/waivers.ts'
import { windowState } from '../../domain/exceptions/windows.ts'
import { titleOfControl } from '../../domain/policy/controls.ts'
import type { PageUrls } from '../../report/page-urls.ts'
import type { Stores } from '../../store/db/stores.ts'
import { newestTrace } from '../traces/of-findings.ts'
import { describeCurrent } from './describe-current.ts'

/** Newest spans, windows, waivers and audits that a finding shows. */
const shown = { spans: 100, exceptions: 20, audits: 20 }

/** A finding by its fingerprint, with all that explains it, at a point in time. Throws NotFoundError. */
export async function findFinding(stores: Stores, fingerprint: string, at: Date, urls: PageUrls) {
  const series = await stores.currentFindings.findSeries(fingerprint)
  if (!series) throw new NotFoundError(`there is no finding ${fingerprint}`)
  const { targetId, target, address, labels, policy, rule: id, vantage, zones } = series
  const about = { policy, rule: id, target, now: at, limit: shown.exceptions }
  const [version] = await stores.policies.at([policy], at)
  const rule = version?.document.rules.find((one) => one.id === id)
  const page = { order: 'stored', limit: 1 } as const
  const current = await stores.currentFindings.list(at, { choice: {}, fingerprint }, page)
  const [finding = null] = await describeCurrent(stores, at, current.items, urls)
  const spans = await stores.history.spans(
    targetId,
    { limit: shown.spans },
    { policy, rule: id, vantage, to: new Date(at.getTime() + 1) },
  )
  const windows = await stores.windows.list(about)
  const waivers = await stores.waivers.list(about)
  return {
    at: at.toISOString(),
    fingerprint,
    target: { name: target, address, labels },
    policy: { name: policy, version: version?.version ?? null },
    rule: {
      id,
      title: rule?.title ?? null,
      severity: rule?.severity ?? null,
      direction: rule?.direction ?? null,
      from: rule?.from ?? [],
      probe: rule?.probe ?? null,
      rationale: rule?.rationale ?? null,
      remediation: rule?.remediation ?? null,
      controls: (rule?.controls ?? []).map((control) => ({ control, title: titleOfControl(control) })),
    },
    vantage,
    zones,
    current: finding,
    trace: finding && (await newestTrace(stores, finding, at)),
    spans: spans.items.map(({ fingerprint: _, policy: __, rule: ___, vantage: ____, ...span }) => span),
    windows: windows.items.map((window) => ({
      id: window.id,
      state: windowState(window, at),
      ticket: window.ticket,
      reason: window.reason,
      from: window.from.toISOString(),
      to: window.to.toISOString(),
    })),
    waivers: waivers.items.map((waiver) => ({
      id: waiver.id,
      state: waiverState(waiver, at),
      reason: waiver.reason,
      expiresAt: waiver.expiresAt.toISOString(),
    })),
    audits: await stores.currentFindings.auditsOf(series, { at, limit: shown.audits }),
  }
}
