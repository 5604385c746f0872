import type { LedgerEntry, LedgerKey } from '../../domain/ledger.ts'
import { createSealer } from '../../domain/seals.ts'
import { canonicalJson, digest } from '../../encoding/canonical-json.ts'
import { required } from '../../runtime/required.ts'
import { auditRecord } from '../audits/audit-record.ts'
import { digestFindings, type FindingsDigest } from '../audits/findings-digest.ts'
import type { Database } from '../db/database.ts'
import { findingPartition } from '../db/partitions.ts'
import { reportOnAll } from '../db/statements.ts'
import { broken, type Verification } from './verification.ts'
import {
  areStatesAsSigned,
  findChangedObject,
  findForgedEvidence,
  findForgedRule,
  findForgedSpan,
  findForgedState,
  findUnrecorded,
} from './verify-objects.ts'
import { findFindingsOfNoAudit, findUnsealedFindings } from './verify-open-audits.ts'

type LedgerIssue = Verification['broken']

/** What an entry of an ended audit holds; an older version left out the last two. */
interface FinishPayload {
  findings: FindingsDigest
  record?: string
  unproven?: string[]
}

/** Whether an audit says of itself what its entry says: its findings alone do not decide how it is read. */
async function saysTheSame(db: Database, { subject: id, actor, payload }: LedgerEntry): Promise<boolean> {
  const row = await db.audit.findUnique({ where: { id } })
  const policy = row && (await db.policy.findUnique({ where: { id: row.policyId } }))
  if (!row || !policy) return false
  const { status, verdict, counts, error, trigger, correlationId, requestedBy, startedAt, finishedAt } = row
  const { name, version, digest } = policy
  const now = {
    ...{ status, verdict, counts, error, trigger, correlationId, startedAt, finishedAt },
    policy: { name, version, digest },
    actor: requestedBy,
  }
  const then = { ...(payload as Partial<Record<keyof typeof now, unknown>>), actor }
  const same = (key: keyof typeof now) =>
    then[key] === undefined || canonicalJson(JSON.parse(JSON.stringify(now[key]))) === canonicalJson(then[key])
  if (!(Object.keys(now) as (keyof typeof now)[]).every(same)) return false
  const { record } = payload as FinishPayload
  if (record === undefined) return true
  const [found] = await reportOnAll<{ record: string }>(
    db,
  )`SELECT ${auditRecord} AS record FROM audit e WHERE e.id = ${id}::uuid`
  return found?.record === record
}

/** Whether a policy version is unchanged. */
async function isAsPut(db: Database, { subject: name, payload }: LedgerEntry): Promise<boolean> {
  const { version, digest: then } = payload as { version: number; digest: string }
  const row = await db.policy.findUnique({ where: { name_version: { name, version } } })
  return row !== null && digest(row.document) === then
}

/** How long after an upgrade, or an entry of an older version, processes of that version may still record, without seals. */
const upgradeMs = 86_400_000

/** Checks records against entries, up to `maxFindings` findings. */
export async function createRecordChecker(
  db: Database,
  { keys, found, maxFindings }: { keys: readonly LedgerKey[]; found: Verification; maxFindings: number },
) {
  const drops = await db.ledgerEntry.findMany({ where: { action: 'findings.drop' }, select: { subject: true } })
  const dropped = new Set(drops.map(({ subject }) => subject))
  const adoption = await db.ledgerEntry.findFirst({ where: { action: 'ledger.adopt' }, select: { at: true } })
  let olderSeenAt = adoption?.at.getTime() ?? Number.NEGATIVE_INFINITY
  const tally = required(found.findings, 'the tally of checked findings')
  let read = 0

  async function checkAudit(entry: LedgerEntry): Promise<LedgerIssue> {
    if (!(await saysTheSame(db, entry)))
      return broken(entry.seq, 'audit', `audit ${entry.subject} does not say of itself what it said when it ended`)
    const { findings: then, record, unproven } = entry.payload as FinishPayload
    const now = await digestFindings(db, entry.subject)
    read += Math.max(then.count, now.count)
    if (now.digest === then.digest) tally.audits += 1
    else if (now.count === 0 && dropped.has(findingPartition(entry.subject))) tally.dropped += 1
    else {
      const had = `audit ${entry.subject} ended with ${then.count} findings`
      return broken(entry.seq, 'findings', `${had}; the ${now.count} that it has now do not say the same`)
    }
    if (record === undefined) {
      tally.older += 1
      olderSeenAt = Date.parse(entry.at)
    }
    return unproven ? noteUnproven(entry, unproven) : null
  }

  /** Soon after an upgrade it may be the work of an older version; at any other time it is none of this service. */
  function noteUnproven({ seq, subject, at }: LedgerEntry, parts: readonly string[]): LedgerIssue {
    const what = `audit ${subject} ended with parts that no process with this ledger key wrote: ${parts.join(', ')}`
    if (Date.parse(at) - olderSeenAt > upgradeMs) return broken(seq, 'unproven', what)
    tally.unproven += 1
    tally.firstUnproven ??= subject
    return null
  }

  /** Soon after an upgrade an older version may have written them; without its key they cannot be checked. */
  const findUnsealed = async (end: number): Promise<LedgerIssue> =>
    Date.now() - olderSeenAt <= upgradeMs || found.unverified.length > 0
      ? null
      : findUnsealedFindings(db, createSealer(keys), end)

  async function check(entry: LedgerEntry): Promise<LedgerIssue> {
    if (!(await areStatesAsSigned(db, entry)))
      return broken(entry.seq, 'object', 'the states in ledger_state are not those that this entry left')
    if (entry.action === 'audit.finish') return checkAudit(entry)
    if (entry.action === 'ledger.adopt' && (await wasCovered(db, entry.seq)))
      return broken(entry.seq, 'object', 'it adopts what was there, although the ledger covered that already')
    if (entry.action === 'ledger.begin' || entry.action === 'ledger.adopt')
      tally.adopted += (entry.payload as { states?: { count: number } }).states?.count ?? 0
    if (entry.action !== 'policy.put' || (await isAsPut(db, entry))) return null
    return broken(entry.seq, 'policy', `policy ${entry.subject} is not what was put: its document was changed`)
  }

  return {
    spent: () => read >= maxFindings,
    check,
    /** What is there without an entry, or differs from the newest one; `end` is the position after the last entry. */
    checkPresent: async (end: number): Promise<LedgerIssue> =>
      (await findForgedState(db, end)) ??
      (await findUnrecorded(db, end)) ??
      (await findFindingsOfNoAudit(db, end)) ??
      (await findUnsealed(end)) ??
      (await findChangedObject(db, end)) ??
      (await findForgedRule(db, end)) ??
      (await findForgedSpan(db, end, endOfDropped(dropped))) ??
      (await findForgedEvidence(db, end)),
  }
}

/** Whether entries before `seq` hold states: an older version writes none, so nothing was left to adopt. */
const wasCovered = async (db: Database, seq: number) =>
  (await db.ledgerEntry.findFirst({
    where: { seq: { lt: seq }, payload: { path: ['states', 'count'], gte: 0 } },
    select: { seq: true },
  })) !== null

/** The least audit id whose findings no retention has dropped, by the names of the dropped partitions. */
function endOfDropped(partitions: ReadonlySet<string>): string {
  const [year = 1970, month = 0] = [...partitions].toSorted().at(-1)?.split('_').slice(1).map(Number) ?? []
  const hex = Date.UTC(year, month).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}
