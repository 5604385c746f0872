import type { Static } from 'typebox'
import type { CurrentFinding as FindingSchema } from '../../../api/routes/findings/schemas.ts'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { KeyValues } from '../../parts/key-values.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Severity } from '../../parts/results/severity.tsx'
import { Time } from '../../parts/time.tsx'
import { at } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { portText } from '../findings/port-text.ts'
import { Document } from './document.tsx'

type Finding = Static<typeof FindingSchema>

const limit = 1000

/** The failures that no waiver accepts, by rule, with how to fix them. */
export default function Failures() {
  const failures = useResource<{ at: string; items: Finding[]; next: string | null }>(
    apiPath('/v1/findings', { at: at.value, result: 'fail', waived: false, limit }),
  )
  const items = failures.value?.items ?? []
  const groups = [...Map.groupBy(items, ({ policy, rule }) => JSON.stringify([policy, rule])).values()]
  const targets = new Set(items.map(({ target }) => target)).size
  return (
    <Document
      title="Failures with remediation"
      at={failures.value?.at}
      cover={
        failures.value &&
        (items.length === 0
          ? 'Nothing fails that no waiver accepts. What is not known is not part of this report.'
          : `${counted(items.length, 'failure', failures.value.next !== null)} of ${counted(groups.length, 'rule')} on ${counted(targets, 'target')}.`)
      }
      policies={[...new Set(items.map(({ policy }) => policy))]}
    >
      <ResourceView of={failures}>
        {() =>
          groups.length === 0 ? (
            <EmptyState title="Nothing fails." />
          ) : (
            groups.map((group) => <RuleFailures key={group[0]?.fingerprint} findings={group} />)
          )
        }
      </ResourceView>
    </Document>
  )
}

const counted = (count: number, what: string, isPart = false) =>
  `${isPart ? 'The first ' : ''}${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`

function RuleFailures({ findings }: { findings: readonly Finding[] }) {
  const [first] = findings
  const policy = useResource<Static<typeof PolicySchema>>(first && uri`/v1/policies/${first.policy}`)
  if (!first) return null
  const rule = policy.value?.document.rules.find(({ id }) => id === first.rule)
  return (
    <Block title={first.title ?? first.rule} note={first.severity && <Severity severity={first.severity} />}>
      <KeyValues
        entries={[
          ['Rule', `${first.rule} of ${first.policy}`],
          ['Why it matters', rule?.rationale],
          ['How to fix it', rule?.remediation],
          ['Controls', rule?.controls?.join(', ')],
        ]}
      />
      <DataTable
        caption={`Failures of ${first.rule}`}
        rows={findings}
        rowKey={({ fingerprint }) => fingerprint}
        columns={[
          { head: 'Target', cell: ({ target }) => target },
          { head: 'Address', cell: ({ expected }) => expected && `${expected.host} ${portText(expected)}` },
          { head: 'Seen from', cell: ({ vantage }) => vantage },
          { head: 'State', cell: ({ state }) => state },
          { head: 'Why', cell: ({ reason }) => reason.message },
          { head: 'Since', cell: ({ since }) => <Time value={since} /> },
        ]}
      />
    </Block>
  )
}
