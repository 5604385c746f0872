import { useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { CurrentFindings as FindingsSchema } from '../../../api/routes/findings/schemas.ts'
import { useResource } from '../../api/resource.ts'
import { Choice } from '../../parts/controls/facets.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { type Column, DataTable } from '../../parts/lists/data-table.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { hrefWith, query } from '../../url/location.ts'
import { apiPath, type Parameters } from '../../url/parameters.ts'
import type { CurrentFinding } from './current-finding.ts'

type Findings = Static<typeof FindingsSchema>

const groupings = { rule: 'Rule', target: 'Target', reason: 'Why', label: 'Label' } as const
type Grouping = keyof typeof groupings

/** By what the findings are grouped; undefined for a list. */
export const shownGrouping = (): Grouping | undefined => {
  const wanted = query.value.get('group') ?? ''
  return Object.hasOwn(groupings, wanted) ? (wanted as Grouping) : undefined
}

const choices = Object.entries(groupings).map(([value, label]) => ({ value, label }))
export const GroupBy = () => <Choice name="group" title="Group by" all="Nothing" values={choices} />

interface Group {
  title: string
  /** Undefined where it is counted when the group is shown. */
  count?: number
  filter: Parameters
}

const mostFindings = 1000
const mostGroups = 100
const shownFindings = 50

interface GroupsProps {
  grouping: Grouping
  parameters: Parameters
  columns: readonly Column<CurrentFinding>[]
}

/** The findings by what they share, the largest group first; a group loads when it opens. */
export function Groups({ grouping, ...props }: GroupsProps) {
  if (grouping === 'label') return <ByLabel {...props} />
  if (grouping === 'target') return <ByTarget {...props} />
  return <ByFacet facet={grouping} {...props} />
}

type PartProps = Omit<GroupsProps, 'grouping'>

function ByFacet({ facet, ...props }: PartProps & { facet: 'rule' | 'reason' }) {
  const findings = useResource<Findings>(apiPath('/v1/findings', { ...props.parameters, facets: true, limit: 1 }))
  return (
    <ResourceView of={findings}>
      {({ facets }) => (
        <List
          groups={(facets?.[facet] ?? [])
            .filter(({ value }) => [props.parameters[facet] ?? []].flat().length === 0 || isChosen(props, facet, value))
            .map(({ value, count }) => ({
              title: facet === 'reason' ? value.replaceAll('-', ' ') : value,
              count,
              filter: { [facet]: value },
            }))}
          {...props}
        />
      )}
    </ResourceView>
  )
}

const isChosen = ({ parameters }: PartProps, facet: string, value: string) => [parameters[facet]].flat().includes(value)

function ByTarget(props: PartProps) {
  const findings = useResource<Findings>(
    apiPath('/v1/findings', { ...props.parameters, order: 'worst', limit: mostFindings }),
  )
  return (
    <ResourceView of={findings}>
      {({ items, next }) => (
        <>
          {next && <p class="faint">Targets of the worst {mostFindings.toLocaleString('en')} findings.</p>}
          <List
            groups={[...Map.groupBy(items, ({ target }) => target)]
              .map(([target, own]) => ({ title: target, count: own.length, filter: { target } }))
              .sort((a, b) => b.count - a.count)}
            {...props}
          />
        </>
      )}
    </ResourceView>
  )
}

function ByLabel(props: PartProps) {
  const labels = useResource<{ items: { key: string; value: string }[] }>('/v1/labels?limit=1000')
  const others = [props.parameters.label ?? []].flat() as string[]
  return (
    <ResourceView of={labels}>
      {({ items }) => (
        <List
          groups={items.map(({ key, value }) => ({
            title: `${key} = ${value}`,
            filter: { label: [...others, `${key}:${value}`] },
          }))}
          {...props}
        />
      )}
    </ResourceView>
  )
}

function List({ groups, ...props }: PartProps & { groups: readonly Group[] }) {
  const more = groups.length - mostGroups
  if (groups.length === 0) return <EmptyState title="There is nothing to group." />
  return (
    <>
      <ul class="groups card">
        {groups.slice(0, mostGroups).map((group) => (
          <li key={group.title}>
            <GroupRow group={group} {...props} />
          </li>
        ))}
      </ul>
      {more > 0 && <p class="faint">And {more.toLocaleString('en')} smaller groups.</p>}
    </>
  )
}

function GroupRow({ group: { title, count, filter }, ...props }: PartProps & { group: Group }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details class="group" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary class="group-head">
        {title} {count !== undefined && <span class="count">{count.toLocaleString('en')}</span>}
      </summary>
      {isOpen && <Content filter={filter} {...props} />}
    </details>
  )
}

function Content({ filter, parameters, columns }: PartProps & { filter: Parameters }) {
  const findings = useResource<Findings>(
    apiPath('/v1/findings', { ...parameters, ...filter, facets: true, limit: shownFindings }),
  )
  return (
    <ResourceView of={findings}>
      {({ items, total = 0 }) =>
        items.length === 0 ? (
          <EmptyState title="No finding is in this group." />
        ) : (
          <>
            <DataTable<CurrentFinding>
              caption={`${items.length} of ${total.toLocaleString('en')} findings`}
              rows={items}
              rowKey={({ fingerprint }) => fingerprint}
              columns={columns.map(({ order: _, ...column }) => column)}
            />
            <p>
              <Link url={hrefWith({ ...filter, group: null })}>Show them as a list</Link>
            </p>
          </>
        )
      }
    </ResourceView>
  )
}
