import { Fragment } from 'preact'
import { factName, factText } from './seen.ts'

/** A changed field, by its JSON Pointer; null where it is absent. */
interface FieldChange {
  path: string
  before: unknown
  after: unknown
}

const shownChanges = 8
/** Of a list whose entries changed. */
const shownEntries = 3

/** The fields that differ from the state before; result, state and reason have columns of their own. */
export function FieldChanges({ changes }: { changes: readonly FieldChange[] }) {
  const shown = changes.filter(({ path }) => path.startsWith('/evidence'))
  const fields = [...Map.groupBy(shown, ({ path }) => fieldName(path))]
  if (fields.length === 0) return null
  return (
    <ul>
      {fields.slice(0, shownChanges).map(([name, parts]) => (
        <li key={name}>
          {name}: <Change parts={parts} />
        </li>
      ))}
      {fields.length > shownChanges && <li class="faint">and {fields.length - shownChanges} more fields</li>}
    </ul>
  )
}

function Change({ parts }: { parts: readonly FieldChange[] }) {
  const text = (value: unknown) => (value === null ? 'none' : factText(value))
  return (
    <>
      {parts.slice(0, shownEntries).map(({ path, before, after }, index) => (
        <Fragment key={path}>
          {index > 0 && ', '}
          {text(before)} <span aria-hidden="true">→</span>
          <span class="visually-hidden">to</span> {text(after)}
        </Fragment>
      ))}
      {parts.length > shownEntries && <span class="faint"> and {parts.length - shownEntries} more entries</span>}
    </>
  )
}

/** "10.20.0.11 state" of a JSON Pointer into the evidence; without the index in a list. */
function fieldName(pointer: string): string {
  const parts = pointer.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const [, , group = '', address = '', ...path] = parts.filter((part, index) => index < 4 || !/^\d+$/.test(part))
  if (group !== 'addresses') return factName([group, address, ...path].filter(Boolean).join('.'))
  const name = factName(path.filter((part) => part !== 'facts').join('.'))
  return name ? `${address}: ${name}` : address
}
