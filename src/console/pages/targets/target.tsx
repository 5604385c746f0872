import type { Static } from 'typebox'
import type { Target as TargetSchema } from '../../../api/routes/targets/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { KeyValues } from '../../parts/key-values.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Labels } from '../../parts/lists/labels.tsx'
import { ListTools } from '../../parts/lists/listing.tsx'
import { Block, Page, type PageProps } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { at } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import type { CurrentFinding } from '../findings/current-finding.ts'
import { findingColumns } from '../findings/finding-columns.tsx'
import { Certificates } from './certificate-cards.tsx'
import { AdLadders } from './ladder.tsx'
import { SwimLanes } from './swim-lanes.tsx'
import { TargetActions } from './target-actions.tsx'
import './targets.css'

type Target = Static<typeof TargetSchema>

const maxFindings = 1000
const columns = findingColumns.filter(({ head }) => head !== 'Target').map(({ order: _, ...column }) => column)

/** One target: is it as it must be, since when, and what is it? */
export default function TargetPage({ params: { name = '' } }: PageProps) {
  const target = useResource<Target>(uri`/v1/targets/${name}`)
  const parameters = { target: name, at: at.value }
  const findings = useResource<{ items: CurrentFinding[]; next: string | null }>(
    apiPath('/v1/findings', { ...parameters, order: 'worst', limit: maxFindings }),
  )
  return (
    <Page
      title={name}
      lead={findings.value && <Sentence findings={findings.value.items} />}
      actions={<TargetActions name={name} policies={[...new Set(findings.value?.items.map(({ policy }) => policy))]} />}
    >
      <ResourceView of={findings}>
        {({ items }) => (
          <>
            <Block title="What is true now" note={at.value && 'at the time that the page shows'}>
              {items.length === 0 ? (
                <NeverAudited />
              ) : (
                <>
                  <DataTable<CurrentFinding>
                    caption="The worst first"
                    rows={items}
                    rowKey={({ fingerprint }) => fingerprint}
                    columns={columns}
                  />
                  <ListTools path="/v1/findings" parameters={parameters} />
                </>
              )}
            </Block>
            <SwimLanes target={name} />
            <div class="columns">
              <AdLadders findings={items} />
              <Certificates findings={items} />
              <ResourceView of={target}>{(value) => <About target={value} />}</ResourceView>
            </div>
          </>
        )}
      </ResourceView>
    </Page>
  )
}

function Sentence({ findings }: { findings: readonly CurrentFinding[] }) {
  const checks = findings.filter(({ result }) => result !== 'notapplicable').length
  const failures = findings.filter(({ result, waiver }) => result === 'fail' && !waiver).length
  const unknown = findings.filter(
    ({ result }) => result === 'unknown' || result === 'error' || result === 'notchecked',
  ).length
  const confirmed = findings
    .map(({ lastConfirmed }) => lastConfirmed)
    .toSorted()
    .at(-1)
  if (findings.length === 0) return <>Nothing is known of it.</>
  return (
    <>
      <Verdict result={failures > 0 ? 'fail' : unknown > 0 ? 'unknown' : 'pass'} />{' '}
      {failures === 0 ? 'Nothing fails' : `${failures} of ${checks} checks ${failures === 1 ? 'fails' : 'fail'}`}
      {unknown > 0 && `, ${unknown} ${unknown === 1 ? 'is' : 'are'} not known`}
      {confirmed && (
        <>
          ; last confirmed <Time value={confirmed} />
        </>
      )}
      .
    </>
  )
}

function NeverAudited() {
  return (
    <EmptyState title={at.value ? 'Nothing was known of the target at that time.' : 'The target was not audited yet.'}>
      {!at.value && 'Audit now checks it against a policy.'}
    </EmptyState>
  )
}

const shownLength = 300
const shortened = (text: string) =>
  text.length > shownLength ? `${text.slice(0, shownLength)}… (${text.length.toLocaleString('en')} characters)` : text

function About({ target: { address, roles, labels, params, externalId, createdAt, updatedAt } }: { target: Target }) {
  return (
    <Block title="About" note={at.value && 'as it is now'}>
      <div class="card">
        <KeyValues
          entries={[
            ['Address', <code key="address">{address}</code>],
            ['Roles', roles.join(', ') || null],
            ['Labels', Object.keys(labels).length > 0 ? <Labels key="labels" page="/targets" labels={labels} /> : null],
            ['External id', externalId],
            ...Object.entries(params).map(([name, value]) => [`Parameter ${name}`, shortened(String(value))] as const),
            ['Created', <Time key="created" value={createdAt} />],
            ['Changed', <Time key="changed" value={updatedAt} />],
          ]}
        />
      </div>
    </Block>
  )
}
