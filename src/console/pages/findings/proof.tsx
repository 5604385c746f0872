import { Drawer } from '../../parts/controls/dialog.tsx'
import { KeyValues } from '../../parts/key-values.tsx'
import { Link } from '../../parts/link.tsx'
import { Time } from '../../parts/time.tsx'
import { servicePath } from '../../url/base.ts'
import { uri } from '../../url/parameters.ts'
import { type Detail, vantageText } from './current-finding.ts'
import { Addresses } from './evidence.tsx'

/** How a verdict is known: audit, vantage, time, evidence, and where a third party can verify it. */
export function Proof({
  detail,
  current,
  onClose,
}: {
  detail: Detail
  current: NonNullable<Detail['current']>
  onClose: () => void
}) {
  const [audit] = detail.audits
  return (
    <Drawer title="How do we know?" onClose={onClose}>
      <KeyValues
        entries={[
          ['Seen from', vantageText(detail)],
          ['First seen', <Time key="since" value={current.since} />],
          ['Last confirmed', <Time key="confirmed" value={current.lastConfirmed} />],
          [
            'Newest audit',
            audit && (
              <Link key="audit" to={uri`/audits/${audit.id}`}>
                {audit.trigger}, <Time value={audit.observedAt} />
              </Link>
            ),
          ],
          [
            'Evidence pack',
            audit && (
              <a key="pack" href={servicePath(uri`/v1/audits/${audit.id}/pack`)} download>
                Download, to verify without this service
              </a>
            ),
          ],
          [
            'Ledger',
            <Link key="ledger" to="/ledger">
              Verify that no entry was changed
            </Link>,
          ],
        ]}
      />
      <p>{current.reason.message}</p>
      {current.evidence && <Addresses evidence={current.evidence} />}
    </Drawer>
  )
}
