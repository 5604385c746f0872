import type { Static } from 'typebox'
import type { CurrentFindings as FindingsSchema } from '../../../api/routes/findings/schemas.ts'
import { Choice, Facet } from '../../parts/controls/facets.tsx'
import { queryAll } from '../../url/location.ts'

type AllFacets = NonNullable<Static<typeof FindingsSchema>['facets']>

/** The facets of the API that people choose from, in the order of the page. */
export const facetParameters = ['severity', 'policy', 'zone', 'vantage', 'rule', 'reason'] as const

const titles: Readonly<Record<(typeof facetParameters)[number], string>> = {
  severity: 'Severity',
  policy: 'Policy',
  zone: 'Seen from zone',
  vantage: 'Vantage',
  rule: 'Rule',
  reason: 'Why',
}
const shownValues = 10

/** Filters by the values that the findings have; a facet without a choice is left out. */
export function Facets({ facets }: { facets: AllFacets | undefined }) {
  if (!facets) return <div />
  return (
    <details class="facets" open={matchMedia('(width >= 1400px)').matches}>
      <summary>Filters</summary>
      {facetParameters.map((name) => {
        const chosen = queryAll(name)
        const values = facets[name].filter(({ value }, index) => index < shownValues || chosen.includes(value))
        const missing = chosen.filter((value) => !values.some((other) => other.value === value))
        if (values.length + missing.length < 2 && chosen.length === 0) return null
        return (
          <Facet
            key={name}
            name={name}
            title={titles[name]}
            values={[
              ...values.map(({ value, count }) => ({ value, count, label: labelOf(name, value) })),
              ...missing.map((value) => ({ value, count: 0, label: labelOf(name, value) })),
            ]}
          />
        )
      })}
    </details>
  )
}

const labelOf = (facet: string, value: string) => (facet === 'reason' ? value.replaceAll('-', ' ') : value)

const spans = [
  { value: '1', label: 'In the last day' },
  { value: '7', label: 'In the last 7 days' },
  { value: '30', label: 'In the last 30 days' },
]

/** Only findings that changed lately. */
export const Changed = () => <Choice name="days" title="Changed" values={spans} />
