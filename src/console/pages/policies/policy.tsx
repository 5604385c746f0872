import type { Static } from 'typebox'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import { compareVersions, differencesText } from '../../../domain/policy/differences.ts'
import { useResource } from '../../api/resource.ts'
import { Actor } from '../../parts/actor.tsx'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { ListTools } from '../../parts/lists/listing.tsx'
import { Block, Page, type PageProps } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Time } from '../../parts/time.tsx'
import { at, hrefWith, query } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { Comparison } from './comparison.tsx'
import { RuleCard } from './rule-card.tsx'
import './policies.css'

type Policy = Static<typeof PolicySchema>

const tabs = [
  ['rules', 'Rules'],
  ['parameters', 'Parameters'],
  ['versions', 'Versions'],
  ['compare', 'Compare'],
] as const

/** A policy: its rules, its parameters, its versions, and what differs between two of them. */
export default function PolicyPage({ params: { name = '' } }: PageProps) {
  const path = uri`/v1/policies/${name}/versions`
  const versions = useResource<{ items: Policy[] }>(path)
  return (
    <Page
      title={name}
      lead={versions.value?.items[0]?.document.title}
      actions={
        !whyNotAllowed('policies:write') && (
          <Link class="button" to={`${uri`/policies/${name}`}/edit`}>
            Edit
          </Link>
        )
      }
    >
      <ResourceView of={versions}>
        {({ items }) => {
          const shown = shownVersion(items)
          return shown ? (
            <Shown name={name} versions={items} shown={shown} />
          ) : (
            <EmptyState title="The policy has no such version at that time." />
          )
        }}
      </ResourceView>
    </Page>
  )
}

/** The version in the URL, else the newest at the time that the page shows. */
function shownVersion(versions: readonly Policy[]): Policy | undefined {
  const wanted = Number(query.value.get('version'))
  if (wanted > 0) return versions.find(({ version }) => version === wanted)
  const time = at.value ? Date.parse(at.value) : Number.POSITIVE_INFINITY
  return versions.find(({ createdAt }) => Date.parse(createdAt) <= time)
}

function Shown({ name, versions, shown }: { name: string; versions: readonly Policy[]; shown: Policy }) {
  const tab = query.value.get('tab') ?? 'rules'
  const { document, version, createdAt } = shown
  const parameters = document.parameters ?? {}
  return (
    <>
      <p>
        Version {version} of {versions.length}, since <Time value={createdAt} />
        {document.source && `. Source: ${document.source}`}
      </p>
      <Tabs name="tab" label="Parts of the policy" tabs={tabs} />
      {tab === 'rules' && (
        <Block title="Rules" note={`${document.rules.length} in version ${version}`}>
          <ul class="rule-cards">
            {document.rules.map((rule) => (
              <li key={rule.id}>
                <RuleCard rule={rule} parameters={parameters} />
              </li>
            ))}
          </ul>
        </Block>
      )}
      {tab === 'parameters' && (
        <Block title="Parameters" note="A value comes from the audit, else the target, else the default.">
          <ParameterTable parameters={parameters} />
        </Block>
      )}
      {tab === 'versions' && (
        <Block title="Versions">
          <VersionTable versions={versions} />
        </Block>
      )}
      {tab === 'compare' && <Comparison versions={versions} shown={shown} />}
      <ListTools path={uri`/v1/policies/${name}/versions/${String(version)}`} hasFiles={false} />
    </>
  )
}

function ParameterTable({ parameters }: { parameters: NonNullable<Policy['document']['parameters']> }) {
  const rows = Object.entries(parameters)
  if (rows.length === 0)
    return <EmptyState title="The policy has no parameters.">All values are in its rules.</EmptyState>
  return (
    <DataTable
      caption="What targets and audits can set"
      rows={rows}
      rowKey={([name]) => name}
      columns={[
        { head: 'Parameter', cell: ([name]) => <code>{name}</code> },
        { head: 'Type', cell: ([, { type, values }]) => (values ? `${type}: ${values.join(', ')}` : type) },
        {
          head: 'Default',
          cell: ([, { default: value, required }]) =>
            required ? 'none, required' : value === undefined ? 'none' : <code>{String(value)}</code>,
        },
        { head: 'Description', cell: ([, { description }]) => description },
      ]}
    />
  )
}

function VersionTable({ versions }: { versions: readonly Policy[] }) {
  const before = (version: number) => versions.find((other) => other.version === version - 1)
  return (
    <DataTable
      caption="Versions, newest first"
      rows={versions}
      rowKey={({ version }) => String(version)}
      columns={[
        {
          head: 'Version',
          cell: ({ version }) => <Link url={hrefWith({ version, tab: null })}>Version {version}</Link>,
        },
        { head: 'Since', cell: ({ createdAt }) => <Time value={createdAt} /> },
        {
          head: 'Changed',
          cell: ({ version, document }) => {
            const older = before(version)
            if (!older) return 'first version'
            return (
              <Link url={hrefWith({ tab: 'compare', before: older.version, after: version })}>
                {differencesText(compareVersions(older.document, document))}
              </Link>
            )
          },
        },
        {
          head: 'By',
          cell: ({ author, authorName }) => author !== null && <Actor id={author} name={authorName} />,
        },
        { head: 'Why', cell: ({ note }) => note },
        { head: 'Rules', isNumber: true, cell: ({ document }) => document.rules.length },
        { head: 'Digest', cell: ({ digest }) => <code title={digest}>{digest.slice(0, 16)}</code> },
      ]}
    />
  )
}
