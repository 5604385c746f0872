import { useState } from 'preact/hooks'
import { ProblemError } from '../../api/problem.ts'
import { Dialog, Drawer } from '../../parts/controls/dialog.tsx'
import { Choice, Facet, SearchField } from '../../parts/controls/facets.tsx'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { TimeRange } from '../../parts/controls/time-range.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { KeyValues } from '../../parts/key-values.tsx'
import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Labels } from '../../parts/lists/labels.tsx'
import { ListTools } from '../../parts/lists/listing.tsx'
import { Block, Page } from '../../parts/page.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { Legend } from '../../parts/results/legend.tsx'
import { CountsBar } from '../../parts/results/marks.tsx'
import { resultNames, resultOrder, severities } from '../../parts/results/results.ts'
import { Score } from '../../parts/results/score.tsx'
import { Severity } from '../../parts/results/severity.tsx'
import { SpanBar } from '../../parts/results/span-bar.tsx'
import { AuditVerdict, Glyph, State, Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'

const counts = { pass: 8020, fail: 61, unknown: 40, error: 12, notapplicable: 300, notchecked: 68 }
const rows = [
  { name: 'epp-01', result: 'fail', checks: 12 },
  { name: 'epp-02', result: 'pass', checks: 1240 },
] as const
const long =
  'The port was open. A rule that names it allows closed or filtered, and no window was open for it at that time.'

/** Every part in all its states, for development. */
export default function Parts() {
  const [shown, setShown] = useState<'dialog' | 'drawer'>()
  const close = () => setShown(undefined)
  return (
    <Page
      title="Parts"
      lead="Every part of the console in all its states."
      actions={
        <>
          <button type="button" onClick={() => setShown('dialog')}>
            Open dialog
          </button>
          <button type="button" class="primary" onClick={() => setShown('drawer')}>
            Open drawer
          </button>
          <button type="button" disabled>
            Disabled
          </button>
        </>
      }
    >
      <Block title="Verdict chips, signs, states">
        <div class="actions">
          {resultOrder.map((result) => (
            <Verdict key={result} result={result} />
          ))}
        </div>
        <div class="actions">
          {resultOrder.map((result) => (
            <Glyph key={result} result={result} label={resultNames[result]} />
          ))}
        </div>
        <div class="actions">
          <AuditVerdict verdict="pass" status="completed" />
          <AuditVerdict verdict="fail" status="completed" />
          <AuditVerdict verdict="inconclusive" status="completed" />
          <AuditVerdict verdict={null} status="running" />
          <State state="filtered" />
        </div>
        <div class="actions">
          {severities.map((severity) => (
            <Severity key={severity} severity={severity} />
          ))}
        </div>
        <Legend results={resultOrder} more={['nothing known', 'window or waiver']} />
      </Block>
      <Block title="Scores and bars" note={<>last confirmed {<Time value="2026-11-22T02:14:00Z" />}</>}>
        <Score counts={counts} waived={9} score={0.98651} />
        <Score counts={{ ...counts, fail: 0, unknown: 0, error: 0, notchecked: 0 }} waived={0} score={1} />
        <Score
          counts={{ pass: 0, fail: 0, unknown: 0, error: 0, notapplicable: 4, notchecked: 12 }}
          waived={0}
          score={null}
        />
        <CountsBar counts={{ fail: 1, error: 1, unknown: 1, waived: 1, pass: 1, notchecked: 1 }} />
        <SpanBar
          label="ssh-restricted from local"
          from="2026-11-01T00:00:00Z"
          to="2026-11-22T00:00:00Z"
          spans={[
            { result: 'pass', from: '2026-10-20T00:00:00Z', to: '2026-11-05T02:00:00Z' },
            { result: 'unknown', from: '2026-11-05T02:00:00Z', to: '2026-11-06T02:00:00Z' },
            { result: 'fail', from: '2026-11-06T02:00:00Z', to: '2026-11-12T02:00:00Z' },
            { result: 'waived', from: '2026-11-12T02:00:00Z', to: '2026-11-17T02:00:00Z' },
            { result: 'pass', from: '2026-11-17T02:00:00Z', to: null },
          ]}
        />
        <TimeRange
          label="Period"
          from={Date.parse('2026-11-01T00:00:00Z')}
          to={Date.parse('2026-11-22T00:00:00Z')}
          start={Date.parse('2026-11-05T02:00:00Z')}
          end={Date.parse('2026-11-17T02:00:00Z')}
          snaps={[{ at: Date.parse('2026-11-12T02:00:00Z'), label: 'run of nightly' }]}
          onChange={() => {}}
        />
      </Block>
      <Block title="Table, tabs, filters, tools">
        <Tabs
          name="tab"
          label="Views"
          tabs={[
            ['all', 'All'],
            ['fix', 'Fix list'],
          ]}
        />
        <div class="filters">
          <SearchField title="Search" hint="Name or address" />
          <Choice name="severity" title="Severity" values={[{ value: 'high' }, { value: 'low' }]} />
        </div>
        <Facet
          name="result"
          title="Result"
          values={[
            { value: 'fail', label: 'Fail', count: 61 },
            { value: 'unknown', label: 'Unknown', count: 1040 },
          ]}
        />
        <DataTable
          caption="Targets, worst first"
          defaultOrder="worst"
          rows={rows}
          rowKey={({ name }) => name}
          columns={[
            { head: 'Target', cell: ({ name }) => name, order: { value: 'name', direction: 'ascending' } },
            {
              head: 'Result',
              cell: ({ result }) => <Verdict result={result} />,
              order: { value: 'worst', direction: 'descending' },
            },
            { head: 'Labels', cell: () => <Labels labels={{ site: 'hq', tier: 'gold' }} /> },
            { head: 'Checks', isNumber: true, cell: ({ checks }) => checks.toLocaleString('en') },
          ]}
        />
        <ListTools path="/v1/targets" />
      </Block>
      <Block title="Key–value list">
        <KeyValues
          entries={[
            ['Address', <code key="address">2001:db8:0:1::17</code>],
            ['Last seen', <Time key="time" value="2026-11-22T02:14:00Z" />],
            ['Left out', null],
          ]}
        />
      </Block>
      <Block title="Empty and failed">
        <EmptyState title="There are no targets yet." next={<Link to="/targets">Add a target</Link>}>
          A target is a host whose ports are audited.
        </EmptyState>
        <ProblemBlock problem={problem} onRetry={() => {}} />
        <ProblemBlock problem={busy} />
      </Block>
      {shown === 'dialog' && (
        <Dialog title="Approve the window?" onClose={close}>
          <p>{long}</p>
        </Dialog>
      )}
      {shown === 'drawer' && (
        <Drawer title="How do we know?" onClose={close}>
          <p>{long}</p>
        </Drawer>
      )}
    </Page>
  )
}

const problem = new ProblemError({
  status: 422,
  title: 'Unprocessable Content',
  detail: 'there is no policy netwrix: GET /v1/policies lists them',
  errors: [{ in: 'body', pointer: '/policy', detail: 'unknown' }],
  requestId: '3f3ed3b4-2c1f-4d4e-8b57-5f6a2c9d1e10',
})
const busy = new ProblemError({ status: 429, title: 'Too Many Requests', detail: 'Too many requests.' }, 20)
