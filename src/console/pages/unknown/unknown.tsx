import { Fragment } from 'preact'
import { useResource } from '../../api/resource.ts'
import { Choice, ChosenFilters } from '../../parts/controls/facets.tsx'
import { Link } from '../../parts/link.tsx'
import { type Column, DataTable } from '../../parts/lists/data-table.tsx'
import { ListTools } from '../../parts/lists/listing.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Time } from '../../parts/time.tsx'
import { at, query, queryAll } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { vantageText } from '../findings/current-finding.ts'
import { Document } from '../reports/document.tsx'
import { Causes } from './causes.tsx'
import { type Cause, countText, type Item, itemsOf, sentence, sizeText, type UnknownReport } from './report.ts'

/** What is not known, why, and what a person does next. */
export default function Unknown() {
  const parameters = { at: at.value, policy: query.value.get('policy'), label: queryAll('label') }
  const report = useResource<UnknownReport>(apiPath('/v1/reports/unknown', parameters))
  const policies = [...new Set(report.value?.items.flatMap(({ policy }) => policy ?? []))].sort()
  return (
    <Document
      title="What we do not know"
      at={report.value?.at}
      cover={report.value && sentence(report.value)}
      filters={
        policies.length > 1 || parameters.policy || parameters.label.length > 0 ? (
          <>
            <Choice name="policy" title="Policy" values={policies.map((value) => ({ value }))} />
            <ChosenFilters names={['label']} />
          </>
        ) : undefined
      }
      policies={policies}
    >
      <ResourceView of={report}>
        {(value) => (
          <>
            <Block title="Causes">
              <Causes report={value} />
            </Block>
            {value.causes.map((cause) => (
              <CauseBlock key={cause.cause} cause={cause} items={itemsOf(value, cause)} />
            ))}
            <ListTools path="/v1/reports/unknown" parameters={parameters} />
          </>
        )}
      </ResourceView>
    </Document>
  )
}

function CauseBlock({ cause, items }: { cause: Cause; items: readonly Item[] }) {
  if (items.length === 0) return null
  return (
    <div id={cause.cause}>
      <Block title={cause.title} note={cause.count > 0 && sizeText(cause)}>
        <DataTable<Item>
          caption={cause.step}
          rows={items}
          rowKey={({ policy, rule, vantage, schedule, reason, message }) =>
            JSON.stringify([policy, rule, vantage, schedule, reason, message])
          }
          columns={columnsOf(cause)}
        />
      </Block>
    </div>
  )
}

const targets: Column<Item> = { head: 'Targets', cell: (item) => <Targets item={item} /> }
const from: Column<Item> = {
  head: 'From',
  cell: ({ vantage, zones }) => vantage && <Link to="/vantages">{vantageText({ vantage, zones })}</Link>,
}
const since: Column<Item> = { head: 'Since', cell: (item) => item.since && <Time value={item.since} /> }

function columnsOf({ cause }: Cause): Column<Item>[] {
  const count: Column<Item> = { head: 'How much', cell: (item) => <Count item={item} /> }
  if (cause === 'missed-run')
    return [
      {
        head: 'Schedule',
        cell: ({ schedule }) => schedule && <Link to={uri`/schedules/${schedule}`}>{schedule}</Link>,
      },
      { head: 'Policy', cell: ({ policy }) => policy },
      count,
      { head: 'Why', cell: ({ message }) => message },
      { head: 'First', cell: since.cell },
    ]
  if (cause === 'never-audited')
    return [count, targets, { head: 'Audit', cell: () => <Link to="/audits/new">Audit now</Link> }]
  return [
    { head: 'Rule', cell: ({ policy, rule }) => rule && policy && <RuleName policy={policy} rule={rule} /> },
    from,
    ...(cause === 'stale' ? [] : [{ head: 'Why', cell: ({ message }: Item) => message ?? 'No heartbeat' }]),
    count,
    targets,
    cause === 'stale' ? { head: 'Last observation', cell: since.cell } : since,
  ]
}

const RuleName = ({ policy, rule }: { policy: string; rule: string }) => (
  <div>
    <Link to={uri`/policies/${policy}`} hash={rule}>
      {rule}
    </Link>
    <br />
    <small class="faint">{policy}</small>
  </div>
)

/** The count, as a link to the findings behind it. */
function Count({ item }: { item: Item }) {
  const { policy, rule, vantage, reason, count } = item
  if (count === 0) return <>none yet</>
  if (rule === null || reason === null) return <>{countText(item)}</>
  return (
    <Link to="/findings" query={{ show: 'unknown', policy, rule, vantage, reason }}>
      {countText(item)}
    </Link>
  )
}

const shownNames = 8

/** The first targets by name, and how many more there are. */
function Targets({ item: { cause, policy, rule, vantage, reason, examples, targets: total } }: { item: Item }) {
  const shown = examples.slice(0, shownNames)
  const more = total - shown.length
  return (
    <div>
      {shown.map((name, i) => (
        <Fragment key={name}>
          {i > 0 && ', '}
          <Link to={uri`/targets/${name}`}>{name}</Link>
        </Fragment>
      ))}
      {more > 0 && (
        <>
          {' '}
          and{' '}
          <Link
            to="/unknown/targets"
            query={{
              cause,
              policy: policy ?? query.value.get('policy'),
              rule,
              vantage,
              reason,
              label: queryAll('label'),
            }}
          >
            {more.toLocaleString('en')} more
          </Link>
        </>
      )}
    </div>
  )
}
