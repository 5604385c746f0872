import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { Block } from '../../parts/page.tsx'
import { Legend } from '../../parts/results/legend.tsx'
import { Time } from '../../parts/time.tsx'
import { uri } from '../../url/parameters.ts'
import { FlowLegend, FlowMap } from './flow-map.tsx'
import { FlowTable } from './flow-table.tsx'
import { appliesToNone, type FlowReport, shownWorst } from './texts.ts'

/** The picture of one policy, its legend, and its table. */
export function Flows({ report, target }: { report: FlowReport; target?: string | undefined }) {
  const [policy] = report.policies
  const without = report.edges.filter(appliesToNone)
  const failing = report.edges.filter((edge) => shownWorst(edge) === 'fail').length
  return (
    <>
      <Block
        title={policy?.title ?? 'Flows'}
        note={
          <>
            {policy?.version && (
              <Link to={uri`/policies/${policy.name}`} query={{ version: policy.version }}>
                version {policy.version}
              </Link>
            )}{' '}
            as of <Time value={report.at} />;{' '}
            {failing === 0 ? 'no flow fails' : `${failing} of ${report.edges.length} flows fail`}
          </>
        }
      >
        {report.edges.length > without.length ? (
          <>
            <FlowMap report={report} target={target} />
            <div class="flow-legends">
              <FlowLegend kinds={new Set(report.edges.map(({ expects }) => expects.kind))} />
              <Legend results={['fail', 'unknown', 'waived', 'pass', 'notchecked']} />
            </div>
          </>
        ) : (
          <EmptyState title="No rule applies to these targets." />
        )}
        {without.length > 0 && report.edges.length > without.length && (
          <p class="faint flow-without">
            Not in the picture, because they apply to no target:{' '}
            {[...new Set(without.map(({ rule }) => rule))].join(', ')}.
          </p>
        )}
      </Block>
      <Block title="As a table">
        <FlowTable report={report} target={target} />
      </Block>
    </>
  )
}
