import type { Sealer } from '../../domain/seals.ts'
import { checkSeals, type SealedAudit, sealedColumns } from '../audits/audit-record.ts'
import { sumUpFindings } from '../audits/findings-digest.ts'
import { countSealed } from '../audits/recordings.ts'
import type { Database } from '../db/database.ts'
import { reportOnAll } from '../db/statements.ts'
import { hasEnded } from './object-states.ts'
import { broken, type Verification } from './verification.ts'

type LedgerIssue = Verification['broken']

/** The first audit id of findings whose audit is not there; goes from one id to the next by the index. */
export async function findFindingsOfNoAudit(db: Database, end: number): Promise<LedgerIssue> {
  const [first] = await reportOnAll<{ id: string }>(db)`
    WITH RECURSIVE ids AS (
      (SELECT audit_id AS id FROM finding ORDER BY audit_id LIMIT 1)
      UNION ALL
      SELECT (SELECT audit_id FROM finding WHERE audit_id > ids.id ORDER BY audit_id LIMIT 1) FROM ids WHERE ids.id IS NOT NULL
    )
    SELECT id::text FROM ids WHERE id IS NOT NULL AND NOT EXISTS (SELECT FROM audit a WHERE a.id = ids.id) LIMIT 1`
  return first ? broken(end, 'findings', `there are findings of audit ${first.id}, which is not there`) : null
}

/** The first audit under way that shows findings which no process with these keys requested, planned and recorded. */
export async function findUnsealedFindings(db: Database, sealer: Sealer, end: number): Promise<LedgerIssue> {
  const open = await reportOnAll<SealedAudit>(db)`
    SELECT e.id, ${sealedColumns} FROM audit e
    WHERE NOT ${hasEnded} AND EXISTS (SELECT FROM finding f WHERE f.audit_id = e.id) ORDER BY e.id`
  for (const row of open) {
    const [sum] = await sumUpFindings(db, [row.id], [])
    const seals = checkSeals(sealer, row)
    const unproven = [
      ...(seals.request ? [] : ['request']),
      ...(seals.plan ? [] : ['plan']),
      ...(sum && countSealed(sealer, row.id, sum.recordings) !== sum.count ? ['findings'] : []),
    ]
    if (unproven.length > 0) {
      const what = `audit ${row.id} is under way with parts that no process with this ledger key wrote`
      return broken(end, 'unproven', `${what}: ${unproven.join(', ')}`)
    }
  }
  return null
}
