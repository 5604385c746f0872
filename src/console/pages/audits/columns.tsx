import type { Static } from 'typebox'
import type { Audit as AuditSchema } from '../../../api/routes/audits/schemas.ts'
import { Link } from '../../parts/link.tsx'
import type { Column } from '../../parts/lists/data-table.tsx'
import { CountsBar } from '../../parts/results/marks.tsx'
import { AuditVerdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { uri } from '../../url/parameters.ts'

type Audit = Static<typeof AuditSchema>

/** The first columns of lists of audits. */
export const auditColumns: readonly Column<Audit>[] = [
  {
    head: 'Created',
    cell: ({ id, createdAt }) => (
      <Link to={uri`/audits/${id}`}>
        <Time value={createdAt} />
      </Link>
    ),
  },
  { head: 'Verdict', cell: ({ verdict, status }) => <AuditVerdict verdict={verdict} status={status} /> },
  {
    head: 'Results',
    cell: ({ counts }) => <CountsBar counts={{ ...counts, fail: counts.fail - counts.waived }} />,
  },
]
