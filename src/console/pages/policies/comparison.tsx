import type { Static } from 'typebox'
import type { Policy as PolicySchema } from '../../../api/routes/policies/schemas.ts'
import {
  compareVersions,
  type Difference,
  differencesText,
  type FieldDifference,
} from '../../../domain/policy/differences.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { formatTime } from '../../parts/time.tsx'
import { query, setQuery } from '../../url/location.ts'
import { RuleCard } from './rule-card.tsx'

type Policy = Static<typeof PolicySchema>

/** What differs between two versions, before on the left. */
export function Comparison({ versions, shown }: { versions: readonly Policy[]; shown: Policy }) {
  const find = (name: string, otherwise: number) => {
    const wanted = Number(query.value.get(name) ?? otherwise)
    return versions.find(({ version }) => version === wanted) ?? versions.at(-1) ?? shown
  }
  const before = find('before', shown.version - 1)
  const after = find('after', shown.version)
  const differences = compareVersions(before.document, after.document)
  return (
    <Block title="Compare" note={differencesText(differences)}>
      <div class="filters">
        <VersionChoice name="before" title="Before" chosen={before} versions={versions} />
        <VersionChoice name="after" title="After" chosen={after} versions={versions} />
      </div>
      {differences.length === 0 ? (
        <EmptyState title={`Version ${before.version} and version ${after.version} have the same content.`} />
      ) : (
        <ul class="differences">
          {differences.map((difference) => (
            <DifferenceCard
              key={`${difference.kind} ${difference.name}`}
              difference={difference}
              document={(difference.change === 'removed' ? before : after).document}
            />
          ))}
        </ul>
      )}
    </Block>
  )
}

function VersionChoice({
  name,
  title,
  chosen,
  versions,
}: {
  name: string
  title: string
  chosen: Policy
  versions: readonly Policy[]
}) {
  return (
    <label class="field">
      {title}
      <select value={chosen.version} onChange={({ currentTarget }) => setQuery({ [name]: currentTarget.value })}>
        {versions.map(({ version, createdAt }) => (
          <option key={version} value={version}>
            Version {version}, {formatTime(createdAt)}
          </option>
        ))}
      </select>
    </label>
  )
}

const signs: Readonly<Record<Difference['change'], string>> = { added: '+', removed: '−', changed: '±' }
const kinds: Readonly<Record<Difference['kind'], string>> = { rule: 'Rule', parameter: 'Parameter', policy: 'Policy' }

/** A difference: of a rule that came or went the rule itself, else its fields. */
function DifferenceCard({
  difference: { kind, name, change, fields },
  document: { rules, parameters = {} },
}: {
  difference: Difference
  /** Has the part that is shown. */
  document: Policy['document']
}) {
  const rule = kind === 'rule' && change !== 'changed' && rules.find(({ id }) => id === name)
  return (
    <li class="difference">
      <h3>
        <span aria-hidden="true">{signs[change]}</span> {kinds[kind]} {change}: <code>{name}</code>
      </h3>
      {rule ? (
        <RuleCard rule={rule} parameters={parameters} />
      ) : (
        <DataTable
          caption={`Fields of the ${kind} ${name}`}
          rows={fields}
          rowKey={({ path }) => path}
          columns={columnsOf(change)}
        />
      )}
    </li>
  )
}

const columnsOf = (change: Difference['change']) => [
  { head: 'Field', cell: ({ path }: FieldDifference) => <code>{path}</code> },
  ...(change === 'added' ? [] : [{ head: 'Before', cell: ({ before }: FieldDifference) => valueText(before) }]),
  ...(change === 'removed' ? [] : [{ head: 'After', cell: ({ after }: FieldDifference) => valueText(after) }]),
]

/** A value as the document has it. */
function valueText(value: unknown): string {
  if (value === undefined) return 'absent'
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.join(', ')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
