import { useEffect, useState } from 'preact/hooks'
import { hrefWith, query, queryAll, setQuery } from '../../url/location.ts'
import { Icon } from '../icon.tsx'
import { Link } from '../link.tsx'

export interface FacetValue {
  value: string
  label?: string
  count?: number
}

/** A filter by values, kept in the parameter `name`; several values are repeated parameters. */
export function Facet({ name, title, values }: { name: string; title: string; values: readonly FacetValue[] }) {
  const chosen = queryAll(name)
  const toggle = (value: string) =>
    setQuery({ [name]: chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value] })
  return (
    <fieldset class="facet">
      <legend>{title}</legend>
      {values.map(({ value, label = value, count }) => (
        <label key={value}>
          <input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(value)} />
          <span>{label}</span>
          {count !== undefined && <span class="count">{count.toLocaleString('en')}</span>}
        </label>
      ))}
    </fieldset>
  )
}

/** A filter with one value of a few; the empty choice is `all`. */
export function Choice({
  name,
  title,
  values,
  all = 'All',
}: {
  name: string
  title: string
  values: readonly FacetValue[]
  all?: string
}) {
  return (
    <label class="field">
      {title}
      <select
        value={query.value.get(name) ?? ''}
        onChange={({ currentTarget }) => setQuery({ [name]: currentTarget.value })}
      >
        <option value="">{all}</option>
        {values.map(({ value, label = value }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  )
}

const settleMs = 300

/** A text filter in the parameter `name`; it applies when typing pauses, and `/` focuses it. */
export function SearchField({ name = 'q', title, hint }: { name?: string; title: string; hint?: string }) {
  const applied = query.value.get(name) ?? ''
  const [typed, setTyped] = useState(applied)
  useEffect(() => setTyped(applied), [applied])
  useEffect(() => {
    if (typed === applied) return
    const timer = setTimeout(() => setQuery({ [name]: typed.trim() }, { replace: true }), settleMs)
    return () => clearTimeout(timer)
  }, [typed, applied, name])
  return (
    <label class="field">
      {title}
      <input
        type="search"
        placeholder={hint}
        value={typed}
        onInput={({ currentTarget }) => setTyped(currentTarget.value)}
      />
    </label>
  )
}

/** The filters `names`, which no field shows, each with a link that removes it. */
export function ChosenFilters({ names }: { names: readonly string[] }) {
  const chosen = names.flatMap((name) => queryAll(name).map((value) => ({ name, value })))
  if (chosen.length === 0) return null
  return (
    <ul class="labels">
      {chosen.map(({ name, value }) => (
        <li key={name + value}>
          <Link class="label" url={hrefWith({ [name]: queryAll(name).filter((one) => one !== value) })}>
            <span class="visually-hidden">Remove the filter </span>
            {name === 'label' ? value : `${name} ${value}`} <Icon name="close" />
          </Link>
        </li>
      ))}
    </ul>
  )
}
