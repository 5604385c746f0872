import { useResource } from '../../api/resource.ts'
import { Choice } from '../../parts/controls/facets.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block } from '../../parts/page.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { countsText } from '../../parts/results/marks.tsx'
import { coverageText, shownCounts } from '../../parts/results/score.tsx'
import { AuditVerdict } from '../../parts/results/verdict.tsx'
import { at, query } from '../../url/location.ts'
import { apiPath } from '../../url/parameters.ts'
import { byFramework, type ControlReport, nameOf, notTestedText, verdictsText } from '../controls/report.ts'
import { Document } from './document.tsx'

/** What the rules prove about controls. */
export default function ControlsOnPaper() {
  const report = useResource<ControlReport>(apiPath('/v1/reports/controls', { at: at.value }))
  const framework = query.value.get('framework')
  const all = report.value?.items ?? []
  const items = all.filter((control) => !framework || control.framework === framework)
  return (
    <Document
      title="Control report"
      at={report.value?.at}
      cover={
        report.value &&
        `Of ${items.length} controls, ${verdictsText(items)}. A control asks for more than ports: its pass says only that every rule that applies was tested and passed.`
      }
      filters={<Choice name="framework" title="Framework" values={byFramework(all).map(([value]) => ({ value }))} />}
      policies={[...new Set(items.flatMap(({ rules }) => rules.map(({ policy }) => policy)))]}
    >
      <ResourceView of={report}>
        {() =>
          byFramework(items).map(([name, controls]) => (
            <Block key={name} title={name} note={verdictsText(controls)}>
              <DataTable
                caption={`Controls of ${name}`}
                rows={controls}
                rowKey={nameOf}
                columns={[
                  { head: 'Control', cell: ({ control }) => control },
                  { head: 'Title', cell: ({ title }) => title },
                  { head: 'Verdict', cell: ({ verdict }) => <AuditVerdict verdict={verdict} status="completed" /> },
                  { head: 'Results', cell: (control) => countsText(shownCounts(control)) },
                  { head: 'Coverage', cell: coverageText },
                  { head: 'Rules', cell: ({ rules }) => rules.map(({ rule }) => rule).join(', ') },
                  { head: 'Not tested', cell: (control) => notTestedText(control).join('; ') || 'nothing' },
                ]}
              />
            </Block>
          ))
        }
      </ResourceView>
    </Document>
  )
}
