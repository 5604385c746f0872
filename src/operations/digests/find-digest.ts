import { countApplying } from '../../domain/findings/verdict.ts'
import { type Digest, type DigestContent, endingDays, endingKinds, summarize } from '../../domain/history/digest.ts'
import { type DriftClass, driftClasses } from '../../domain/history/drift.ts'
import { type Severity, severities } from '../../domain/policy/policy.ts'
import { onTimeMs } from '../../domain/schedules.ts'
import type { WebhookFilter } from '../../domain/webhooks/delivery-policy.ts'
import type { Stores } from '../../store/db/stores.ts'
import { findUnknown } from '../findings/find-unknown.ts'
import type { Scheduler } from '../schedules/tick.ts'

interface Question {
  from: Date
  to: Date
  now: Date
  /** `minSeverity` limits the changes; labels limit what is about targets. */
  filter: WebhookFilter
  nextTicks: Scheduler['next']
  /** Whether absent vantages are named. */
  withVantages: boolean
}

const shownItems = 50
const readItems = 1_000
const dayMs = 86_400_000

/** What the time between two points in time amounts to. */
export async function findDigest(stores: Stores, question: Question): Promise<Digest> {
  const { from, to, now, filter } = question
  const { policies, labels } = filter
  const parts = (policies ?? [undefined]).map((policy) => ({
    ...(policy === undefined ? {} : { policy }),
    ...(labels && { labels }),
  }))
  const changes = Object.fromEntries(driftClasses.map((kind) => [kind, 0])) as Record<DriftClass, number>
  const checks = { total: 0, failing: 0, waived: 0, unknown: 0 }
  const unknown = new Map<string, DigestContent['unknown'][number]>()
  const missedRuns: DigestContent['missedRuns'] = { total: 0, newest: [] }
  const ending: DigestContent['ending']['items'] = []
  for (const part of parts) {
    for (const severity of severitiesOf(filter)) {
      const of = severity === undefined ? part : { ...part, severity: { is: severity, at: to } }
      const [summary] = await stores.drift.series([from, to], of)
      for (const kind of driftClasses) changes[kind] += summary?.[kind] ?? 0
    }
    for (const { counts, waived } of await stores.compliance.groups(to, { by: 'policy' }, part)) {
      checks.total += countApplying(counts)
      checks.failing += counts.fail - waived
      checks.waived += waived
      checks.unknown += counts.unknown + counts.error + counts.notchecked
    }
    const { causes, items } = await findUnknown(stores, { ...question, at: to, filter: part })
    for (const { cause, title, count, targets } of causes) {
      if (cause === 'missed-run' || !items.some((item) => item.cause === cause)) continue
      const known = unknown.get(cause) ?? { cause, title, count: 0, targets: 0 }
      unknown.set(cause, { ...known, count: known.count + count, targets: known.targets + targets })
    }
    const overdueAt = new Date(now.getTime() - onTimeMs)
    const { total, newest } = await stores.schedules.missedRuns({ from, to, overdueAt }, part.policy)
    missedRuns.total += total
    missedRuns.newest.push(...newest)
    ending.push(...(await findEnding(stores, { from, to, part })))
  }
  const content: DigestContent = {
    from: from.toISOString(),
    to: to.toISOString(),
    audits: await stores.digests.endedAudits({ from, to }, policies),
    changes,
    checks,
    unknown: [...unknown.values()],
    ending: {
      counts: countsOf(ending),
      items: ending.sort((a, b) => a.endsAt.localeCompare(b.endsAt)).slice(0, shownItems),
    },
    missedRuns: { ...missedRuns, newest: missedRuns.newest.slice(-shownItems) },
  }
  return { ...content, summary: summarize(content) }
}

const severitiesOf = ({ minSeverity }: WebhookFilter): (Severity | undefined)[] =>
  minSeverity === undefined || minSeverity === 'low' ? [undefined] : severities.slice(severities.indexOf(minSeverity))

type Ending = DigestContent['ending']['items'][number]

const countsOf = (items: readonly Ending[]) =>
  Object.fromEntries(endingKinds.map((kind) => [kind, items.filter((item) => item.kind === kind).length])) as Record<
    Ending['kind'],
    number
  >

/** What has ended since `from`, or ends soon after `to`. */
async function findEnding(
  { certificates, waivers, windows }: Stores,
  { from, to, part }: { from: Date; to: Date; part: { policy?: string; labels?: Record<string, string> } },
): Promise<Ending[]> {
  const expiresBefore = new Date(to.getTime() + endingDays * dayMs)
  const page = { expiresBefore, limit: readItems }
  const { policy } = part
  const exceptions = { ...page, now: to, ...(policy === undefined ? {} : { policy }) }
  const isPast = (at: Date | null) => at !== null && at <= to
  const shown = await certificates.page(to, { ...part, expiresBefore }, { limit: readItems })
  const accepted = (await waivers.list(exceptions)).items
  const open = (await windows.list(exceptions)).items
  return [
    ...shown.items.map(({ sha256: id, subject, notAfter }) => ({
      ...{ kind: 'certificate' as const, id, name: subject || id, endsAt: new Date(notAfter).toISOString() },
    })),
    ...accepted
      .filter((waiver) => isPast(waiver.approvedAt) && !isPast(waiver.revokedAt))
      .map(({ id, rules, ticket, expiresAt }) => ({
        ...{ kind: 'waiver' as const, id, name: nameOf(rules, ticket), endsAt: expiresAt.toISOString() },
      })),
    ...open
      .filter((window) => isPast(window.approvedAt) && !isPast(window.canceledAt))
      .map(({ id, rules, ticket, to: endsAt }) => ({
        ...{ kind: 'window' as const, id, name: nameOf(rules, ticket), endsAt: endsAt.toISOString() },
      })),
  ].filter(({ endsAt }) => endsAt > from.toISOString())
}

const nameOf = (rules: readonly string[], ticket: string | null) =>
  `${rules.join(', ')}${ticket === null ? '' : ` for ${ticket}`}`
