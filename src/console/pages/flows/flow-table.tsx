import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { uri } from '../../url/parameters.ts'
import { KindSign } from './flow-map.tsx'
import {
  appliesToNone,
  blockedTexts,
  type FlowEdge,
  type FlowReport,
  hostText,
  kindTexts,
  passText,
  portsText,
  shownWorst,
} from './texts.ts'

/** The same flows as the table of ports that a vendor publishes, with how they stand. */
export function FlowTable({ report, target }: { report: FlowReport; target?: string | undefined }) {
  const nameOf = (id: string) => {
    const host = report.hosts.find((one) => one.id === id)
    return host ? hostText(host, target) : (report.zones.find((zone) => zone.id === id)?.name ?? id)
  }
  return (
    <DataTable<FlowEdge>
      caption="The ports that must be open or closed, by rule and zone"
      rows={report.edges}
      rowKey={({ policy, rule, zone }) => `${policy} ${rule} ${zone}`}
      columns={[
        { head: 'Port', cell: (edge) => <span class="flow-ports">{portsText(edge) || 'none'}</span> },
        { head: 'Protocol', cell: ({ probe }) => probe.toUpperCase() },
        { head: 'From', cell: (edge) => <End name={nameOf(edge.from)} /> },
        { head: 'To', cell: (edge) => <End name={nameOf(edge.to)} /> },
        {
          head: 'Must be',
          cell: ({ expects }) => (
            <span class="flow-demand">
              <KindSign kind={expects.kind} />
              {kindTexts[expects.kind]}
            </span>
          ),
        },
        {
          head: 'Rule',
          cell: ({ policy, rule, title, rationale }) => (
            <div class="flow-rule">
              <Link to={uri`/policies/${policy}`} hash={rule}>
                {title}
              </Link>
              {rationale && <p class="faint">{rationale}</p>}
            </div>
          ),
        },
        { head: 'Now', cell: (edge) => <Standing edge={edge} target={target} /> },
      ]}
    />
  )
}

/** Short names are not broken within a word. */
const longName = 24
const End = ({ name }: { name: string }) => <span class={name.length <= longName ? 'flow-end' : undefined}>{name}</span>

function Standing({ edge, target }: { edge: FlowEdge; target: string | undefined }) {
  const worst = shownWorst(edge)
  if (appliesToNone(edge)) return <span class="faint">applies to no target</span>
  if (!worst) return <span class="faint">not audited yet</span>
  const { policy, rule, zone, direction } = edge
  return (
    <div class="flow-now">
      <Verdict result={worst} />
      <Link to="/findings" query={{ policy, rule, target, show: 'all', ...(direction === 'inbound' && { zone }) }}>
        {passText(edge)} pass
      </Link>
      {worst === 'fail' && blockedTexts(edge).map((text) => <p key={text}>{text}</p>)}
    </div>
  )
}
