import { Fragment } from 'preact'
import { mayAny } from '../../api/me.ts'
import { me } from '../../api/session.ts'
import { Link } from '../../parts/link.tsx'
import type { Column } from '../../parts/lists/data-table.tsx'
import { CopyButton } from '../../parts/lists/listing.tsx'
import { selectionColumn } from '../../parts/lists/selection-column.tsx'
import { at, href } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import type { CurrentFinding } from './current-finding.ts'
import { selectionText } from './selection-text.ts'

/** The chosen findings by fingerprint; those of other pages stay chosen. */
export type Selection = ReadonlyMap<string, CurrentFinding>

/** The column in which findings are chosen. */
export const findingSelection = (selection: Selection, onChange: (next: Selection) => void): Column<CurrentFinding> =>
  selectionColumn({
    isChosen: ({ fingerprint }) => selection.has(fingerprint),
    nameOf: ({ target, rule, vantage }) => `${target}, ${rule}, from ${vantage}`,
    onToggle: (finding, isChosen) => {
      const next = new Map(selection)
      if (isChosen) next.set(finding.fingerprint, finding)
      else next.delete(finding.fingerprint)
      onChange(next)
    },
  })

const mostTargets = 200

/** What can be done with the chosen findings. */
export function SelectionBar({
  selection,
  shown,
  onChange,
}: {
  selection: Selection
  /** The findings of this page. */
  shown: readonly CurrentFinding[]
  onChange: (next: Selection) => void
}) {
  const chosen = [...selection.values()]
  const all = () => onChange(new Map([...selection, ...shown.map((one) => [one.fingerprint, one] as const)]))
  return (
    <fieldset class="actions selection" aria-label="Chosen findings">
      <span role="status">{chosen.length === 0 ? 'Nothing selected' : `${chosen.length} selected`}</span>
      {shown.some(({ fingerprint }) => !selection.has(fingerprint)) && (
        <button type="button" onClick={all}>
          Select the {shown.length} of this page
        </button>
      )}
      {chosen.length > 0 && (
        <>
          <button type="button" onClick={() => onChange(new Map())}>
            Clear
          </button>
          <CopyButton text={selectionText(chosen, urlOf)}>Copy as ticket text</CopyButton>
          {!at.value && mayAny(me.value, 'audits:run') && <NextSteps chosen={chosen} />}
        </>
      )}
    </fieldset>
  )
}

const urlOf = ({ fingerprint }: CurrentFinding) => new URL(href(uri`/findings/${fingerprint}`), location.origin).href

/** Audits and waivers have one policy: one link for each. */
function NextSteps({ chosen }: { chosen: readonly CurrentFinding[] }) {
  const byPolicy = Map.groupBy(chosen, ({ policy }) => policy)
  return (
    <>
      {[...byPolicy].map(([policy, findings]) => {
        const target = [...new Set(findings.map((finding) => finding.target))].slice(0, mostTargets)
        const rule = [...new Set(findings.map((finding) => finding.rule))]
        const of = byPolicy.size > 1 ? `: ${policy}` : ''
        return (
          <Fragment key={policy}>
            <Link class="button" to="/audits/new" query={{ policy, target }}>
              Audit again{of}
            </Link>
            {findings.every(({ result }) => result === 'fail') && (
              <Link class="button" to="/waivers/new" query={{ policy, target, rule }}>
                Request a waiver{of}
              </Link>
            )}
          </Fragment>
        )
      })}
    </>
  )
}
