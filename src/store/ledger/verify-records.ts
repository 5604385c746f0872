import type { LedgerEntry } from '../../domain/ledger.ts'
import { canonicalJson, digest } from '../../encoding/canonical-json.ts'
import { digestFindings, type FindingsDigest } from '../audits/findings-digest.ts'
import type { Database } from '../db/database.ts'
import { findingPartition } from '../db/partitions.ts'
import { report } from '../db/statements.ts'
import { broken, type Verification } from './verification.ts'

type LedgerIssue = Verification['broken']

/** The first ended audit or policy version since the start of the ledger that has no entry. */
export async function findUnrecorded(db: Database, seq: number): Promise<LedgerIssue> {
  const [first] = await report<{ kind: 'audit' | 'policy'; what: string; total: number }>(db)`
    WITH recordable AS (
      SELECT 'audit' AS kind, 'audit ' || id || ' has ended' AS what, finished_at AS at, 'audit.finish' AS action, id::text AS subject, '{}'::jsonb AS payload
      FROM audit UNION ALL
      SELECT 'policy', 'policy ' || name || ' version ' || version || ' is there', created_at, 'policy.put', name, jsonb_build_object('version', version)
      FROM policy
    )
    SELECT kind, what, count(*) OVER ()::int AS total FROM recordable t
    WHERE at >= (SELECT at FROM ledger_entry WHERE seq = 1)
      AND NOT EXISTS (SELECT FROM ledger_entry e WHERE e.action = t.action AND e.subject = t.subject AND e.payload @> t.payload)
    ORDER BY at, what LIMIT 1`
  if (!first) return null
  const others = first.total > 1 ? `, nor have ${first.total - 1} others` : ''
  return broken(seq, first.kind, `${first.what}, and has no entry${others}`)
}

/** Whether an audit says of itself what its entry says: its findings alone do not decide how it is read. */
async function saysTheSame(db: Database, { subject: id, actor, payload }: LedgerEntry): Promise<boolean> {
  const row = await db.audit.findUnique({ where: { id } })
  const policy = row && (await db.policy.findUnique({ where: { id: row.policyId } }))
  if (!row || !policy) return false
  const { status, verdict, counts, error, trigger, requestedBy, finishedAt } = row
  const { name, version, digest } = policy
  const now = {
    status,
    verdict,
    counts,
    error,
    trigger,
    finishedAt,
    policy: { name, version, digest },
    actor: requestedBy,
  }
  const then = { ...(payload as Record<keyof typeof now, unknown>), actor }
  const same = (key: keyof typeof now) =>
    canonicalJson(JSON.parse(JSON.stringify(now[key]))) === canonicalJson(then[key])
  return (Object.keys(now) as (keyof typeof now)[]).every(same)
}

/** Whether a policy version is unchanged. */
async function isAsPut(db: Database, { subject: name, payload }: LedgerEntry): Promise<boolean> {
  const { version, digest: then } = payload as { version: number; digest: string }
  const row = await db.policy.findUnique({ where: { name_version: { name, version } } })
  return row !== null && digest(row.document) === then
}

/** Checks records against entries, up to `maxFindings` findings. */
export async function createRecordChecker(db: Database, found: Verification, maxFindings: number) {
  const drops = await db.ledgerEntry.findMany({ where: { action: 'findings.drop' }, select: { subject: true } })
  const dropped = new Set(drops.map(({ subject }) => subject))
  const tally = found.findings ?? { audits: 0, dropped: 0 }
  let read = 0

  async function checkAudit(entry: LedgerEntry): Promise<LedgerIssue> {
    if (!(await saysTheSame(db, entry)))
      return broken(entry.seq, 'audit', `audit ${entry.subject} does not say of itself what it said when it ended`)
    const { findings: then } = entry.payload as { findings: FindingsDigest }
    const now = await digestFindings(db, entry.subject)
    read += Math.max(then.count, now.count)
    if (now.digest === then.digest) tally.audits += 1
    else if (now.count === 0 && dropped.has(findingPartition(entry.subject))) tally.dropped += 1
    else {
      const had = `audit ${entry.subject} ended with ${then.count} findings`
      return broken(entry.seq, 'findings', `${had}; the ${now.count} that it has now do not say the same`)
    }
    return null
  }

  return {
    spent: () => read >= maxFindings,
    async check(entry: LedgerEntry): Promise<LedgerIssue> {
      if (entry.action === 'audit.finish') return checkAudit(entry)
      if (entry.action !== 'policy.put' || (await isAsPut(db, entry))) return null
      return broken(entry.seq, 'policy', `policy ${entry.subject} is not what was put: its document was changed`)
    },
  }
}
