import { useResource } from '../../api/resource.ts'
import { Choice } from '../../parts/controls/facets.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { countsText } from '../../parts/results/marks.tsx'
import { coverageText, shownCounts } from '../../parts/results/score.tsx'
import { AuditVerdict } from '../../parts/results/verdict.tsx'
import { formatTime, Time } from '../../parts/time.tsx'
import { at, query } from '../../url/location.ts'
import { apiPath } from '../../url/parameters.ts'
import { Before } from '../controls/before.tsx'
import {
  byFramework,
  type ComparedControl,
  type ControlReport,
  changesText,
  compareControls,
  nameOf,
  notTestedText,
  verdictsText,
} from '../controls/report.ts'
import { Document } from './document.tsx'

/** What the rules prove about controls; beside an earlier time, what changed. */
export default function ControlsOnPaper() {
  const before = query.value.get('before') ?? undefined
  const report = useResource<ControlReport>(apiPath('/v1/reports/controls', { at: at.value }))
  const earlier = useResource<ControlReport>(before && apiPath('/v1/reports/controls', { at: before }))
  const framework = query.value.get('framework')
  const all = report.value?.items ?? []
  const chosen = all.filter((control) => !framework || control.framework === framework)
  const isCompared = before !== undefined && earlier.value !== undefined
  const ofBefore = (earlier.value?.items ?? []).filter((control) => !framework || control.framework === framework)
  const items = isCompared ? compareControls(ofBefore, chosen) : chosen
  return (
    <Document
      title="Control report"
      at={report.value?.at}
      cover={
        report.value && (
          <>
            Of {chosen.length} controls, {verdictsText(chosen)}.
            {isCompared && before && ` Since ${formatTime(before)} ${changesText(items as ComparedControl[])}.`} A
            control asks for more than ports: its pass says only that every rule that applies was tested and passed.
          </>
        )
      }
      filters={
        <>
          <Choice name="framework" title="Framework" values={byFramework(all).map(([value]) => ({ value }))} />
          <Before value={before} />
        </>
      }
      policies={[...new Set(items.flatMap(({ rules }) => rules.map(({ policy }) => policy)))]}
    >
      {earlier.problem && <ProblemBlock problem={earlier.problem} onRetry={earlier.reload} />}
      {isCompared && before && (
        <p>
          Before is <Time value={before} />, now is {report.value && <Time value={report.value.at} />}.
        </p>
      )}
      <ResourceView of={report}>
        {() =>
          byFramework(items).map(([name, controls]) => (
            <Block key={name} title={name} note={verdictsText(controls.filter((control) => !isGone(control)))}>
              <DataTable
                caption={`Controls of ${name}`}
                rows={controls}
                rowKey={nameOf}
                columns={[
                  { head: 'Control', cell: ({ control }) => control },
                  { head: 'Title', cell: ({ title }) => title },
                  ...(isCompared
                    ? [
                        {
                          head: 'Before',
                          cell: (control: ControlReport['items'][number]) => (
                            <Earlier control={control as ComparedControl} />
                          ),
                        },
                      ]
                    : []),
                  {
                    head: isCompared ? 'Now' : 'Verdict',
                    cell: (control) =>
                      isGone(control) ? (
                        <span class="faint">no rule names it</span>
                      ) : (
                        <AuditVerdict verdict={control.verdict} status="completed" />
                      ),
                  },
                  { head: 'Results', cell: (control) => !isGone(control) && countsText(shownCounts(control)) },
                  { head: 'Coverage', cell: (control) => !isGone(control) && coverageText(control) },
                  { head: 'Rules', cell: ({ rules }) => rules.map(({ rule }) => rule).join(', ') },
                  {
                    head: 'Not tested',
                    cell: (control) => !isGone(control) && (notTestedText(control).join('; ') || 'nothing'),
                  },
                ]}
              />
            </Block>
          ))
        }
      </ResourceView>
    </Document>
  )
}

const isGone = (control: ControlReport['items'][number] | ComparedControl) => 'isGone' in control && control.isGone

const Earlier = ({ control: { before } }: { control: ComparedControl }) =>
  before === null ? <span class="faint">not there</span> : <AuditVerdict verdict={before} status="completed" />
