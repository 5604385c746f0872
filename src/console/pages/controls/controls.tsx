import { useResource } from '../../api/resource.ts'
import { Choice } from '../../parts/controls/facets.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { ListTools } from '../../parts/lists/listing.tsx'
import { Block, Page } from '../../parts/page.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { AuditVerdict } from '../../parts/results/verdict.tsx'
import { at, query } from '../../url/location.ts'
import { apiPath } from '../../url/parameters.ts'
import { Before } from './before.tsx'
import { ControlRow } from './control-row.tsx'
import { byFramework, type Control, type ControlReport, goneControls, nameOf, verdictsText } from './report.ts'
import './controls.css'

/** Which controls are proven, which are not, and why. */
export default function Controls() {
  const before = query.value.get('before') ?? undefined
  const parameters = { at: at.value }
  const report = useResource<ControlReport>(apiPath('/v1/reports/controls', parameters))
  const earlier = useResource<ControlReport>(before && apiPath('/v1/reports/controls', { at: before }))
  const all = report.value?.items ?? []
  const framework = query.value.get('framework')
  return (
    <Page
      title="Controls"
      lead={all.length > 0 && `Of ${all.length} controls, ${verdictsText(all)}.`}
      actions={
        <Link class="button" to="/reports/controls" query={{ framework, before }}>
          Printable report
        </Link>
      }
    >
      <div class="filters">
        <Choice
          name="framework"
          title="Framework"
          values={byFramework(all).map(([value, { length }]) => ({ value, label: `${value} (${length})` }))}
        />
        <Before value={before} />
      </div>
      <p class="faint">
        A control asks for more than ports. Proven means that all its rules that apply were tested, and passed.
      </p>
      {earlier.problem && <ProblemBlock problem={earlier.problem} onRetry={earlier.reload} />}
      <ResourceView of={report}>
        {({ items }) => (
          <Frameworks
            items={items.filter((item) => !framework || item.framework === framework)}
            earlier={
              before ? earlier.value?.items.filter((item) => !framework || item.framework === framework) : undefined
            }
          />
        )}
      </ResourceView>
      <ListTools path="/v1/reports/controls" parameters={{ ...parameters, framework }} />
    </Page>
  )
}

function Frameworks({ items, earlier }: { items: readonly Control[]; earlier: readonly Control[] | undefined }) {
  const verdicts = new Map(earlier?.map((control) => [nameOf(control), control.verdict]))
  if (items.length === 0)
    return (
      <EmptyState title="No rule names a control." next={<Link to="/policies">Open the policies</Link>}>
        Rules name their controls in the field controls of a policy.
      </EmptyState>
    )
  return (
    <>
      {byFramework(items).map(([framework, controls]) => (
        <Block key={framework} title={framework} note={verdictsText(controls)}>
          <div class="controls">
            {controls.map((control) => (
              <ControlRow
                key={nameOf(control)}
                control={control}
                before={earlier && (verdicts.get(nameOf(control)) ?? null)}
              />
            ))}
          </div>
        </Block>
      ))}
      <Gone controls={goneControls(earlier ?? [], items)} />
    </>
  )
}

/** Controls that only the earlier report has. */
function Gone({ controls }: { controls: readonly Control[] }) {
  if (controls.length === 0) return null
  return (
    <Block title="No longer named by a rule" note="At the earlier time a rule named them">
      <ul class="card changes">
        {controls.map((control) => (
          <li key={nameOf(control)}>
            <strong>{nameOf(control)}</strong> {control.title} <span class="control-change">before:</span>{' '}
            <AuditVerdict verdict={control.verdict} status="completed" />
          </li>
        ))}
      </ul>
    </Block>
  )
}
