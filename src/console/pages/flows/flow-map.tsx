import { glyphs } from '../../parts/results/glyphs.ts'
import { href } from '../../url/location.ts'
import { type Box, type Lane, layoutFlows, type Rect, shorten } from './layout.ts'
import { type FlowReport, hostText, kindTexts, sentenceOf, shownWorst } from './texts.ts'
import './flows.css'

/** The flows of a report as a picture; each edge leads to its findings. `target`: the only one that it is about. */
export function FlowMap({ report, target }: { report: FlowReport; target?: string | undefined }) {
  const layout = layoutFlows(report, target)
  const nameOf = (id: string) => {
    const host = report.hosts.find((one) => one.id === id)
    return host ? hostText(host, target) : (report.zones.find((zone) => zone.id === id)?.name ?? id)
  }
  const frame = 2
  return (
    <section class="flow-map" aria-label="Flow map">
      <svg viewBox={`${-frame} ${-frame} ${layout.width + 2 * frame} ${layout.height + 2 * frame}`}>
        <title>{`${layout.lanes.length} flows`}</title>
        {layout.boxes.map((box) => (
          <BoxShape key={box.key} box={box} />
        ))}
        {layout.lanes.map((lane) => (
          <LaneLink key={lane.key} lane={lane} target={target} nameOf={nameOf} />
        ))}
      </svg>
    </section>
  )
}

function BoxShape({ box }: { box: Box }) {
  const { x, y, width, height, kind, title, note } = box
  const middle = { x: x + width / 2, y: y + height / 2 }
  return (
    <g class="flow-box" data-kind={kind}>
      <title>{note ? `${title}, ${note}` : title}</title>
      <rect x={x} y={y} width={width} height={height} rx="6" />
      <text class="flow-box-title" x={middle.x} y={middle.y - 2} text-anchor="middle">
        {shorten(title, width - 12)}
      </text>
      <text class="flow-faint" x={middle.x} y={middle.y + 15} text-anchor="middle">
        {shorten(note, width - 12)}
      </text>
    </g>
  )
}

function LaneLink({
  lane,
  target,
  nameOf,
}: {
  lane: Lane
  target: string | undefined
  nameOf: (id: string) => string
}) {
  const { edge, line, title, port, standing, note } = lane
  const worst = shownWorst(edge)
  const { policy, rule, direction, zone } = edge
  const query = { policy, rule, target, show: 'all', ...(direction === 'inbound' && { zone }) }
  const sentence = sentenceOf(edge, { from: nameOf(edge.from), to: nameOf(edge.to) })
  return (
    <a class="flow-lane" data-result={worst ?? 'none'} href={href('/findings', query)}>
      <title>{sentence}</title>
      <rect class="flow-hit" {...rectOf(lane)} rx="4" />
      <text class="flow-title" x={title.x} y={title.y}>
        {title.text}
      </text>
      {worst && (
        <path
          class="glyph"
          data-result={worst}
          transform={`translate(${standing.x} ${standing.y - 12}) scale(0.875)`}
          d={glyphs[worst]}
        />
      )}
      <text class="flow-standing" x={standing.x + 18} y={standing.y}>
        {standing.text}
      </text>
      <Line lane={lane} />
      <rect class="flow-port" x={port.x} y={line.y - port.height / 2} width={port.width} height={port.height} rx="9" />
      <text class="flow-port-text" x={port.x + port.width / 2} y={line.y + 4} text-anchor="middle">
        {port.text}
      </text>
      {note && (
        <text class="flow-note" x={note.x} y={note.y}>
          {note.text}
        </text>
      )}
    </a>
  )
}

const rectOf = ({ x, y, width, height }: Rect) => ({ x, y, width, height })

/** Up to the sign the line is drawn through; after a wall or a gate it is dotted. */
function Line({ lane: { line, sign, edge } }: { lane: Lane }) {
  const { kind } = edge.expects
  const isStopped = kind === 'closed' || kind === 'window'
  return (
    <g class="flow-line">
      <path d={`M${line.x1} ${line.y}H${isStopped ? sign.x : line.x2}`} />
      {isStopped && <path class="flow-rest" d={`M${sign.x} ${line.y}H${line.x2}`} />}
      <path class="flow-sign" d={signPath(kind, isStopped ? sign.x : line.x2, sign.y)} />
    </g>
  )
}

/** The sign of a kind: an arrow ends at x, a wall and a gate stand on it. */
function signPath(kind: keyof typeof kindTexts, x: number, y: number): string {
  const arrow = `M${x - 9} ${y - 6}L${x - 1} ${y}L${x - 9} ${y + 6}`
  const wall = `M${x - 3} ${y - 11}V${y + 11}M${x + 3} ${y - 11}V${y + 11}M${x - 3} ${y - 4}H${x + 3}M${x - 3} ${y + 4}H${x + 3}`
  const clock = `M${x + 8} ${y}a8 8 0 1 0 -16 0a8 8 0 1 0 16 0M${x} ${y - 5}V${y}L${x + 4} ${y + 2}`
  const gate = `M${x - 13} ${y - 11}V${y + 11}M${x + 13} ${y - 11}V${y + 11}`
  return { open: arrow, closed: wall, window: gate + clock, either: arrow }[kind]
}

/** The sign of a kind alone, beside its word. */
export function KindSign({ kind }: { kind: keyof typeof kindTexts }) {
  const isArrow = kind === 'open' || kind === 'either'
  return (
    <svg class="flow-kind" viewBox="0 0 36 26" aria-hidden="true">
      <path d={isArrow ? 'M2 13H33' : 'M2 13H18'} />
      <path class="flow-sign" d={signPath(kind, isArrow ? 34 : 18, 13)} />
    </svg>
  )
}

/** What the signs of these kinds mean. */
export function FlowLegend({ kinds }: { kinds: ReadonlySet<keyof typeof kindTexts> }) {
  return (
    <ul class="legend" aria-label="Legend of the signs">
      {[...kinds].map((kind) => (
        <li key={kind}>
          <KindSign kind={kind} />
          {kindTexts[kind]}
        </li>
      ))}
    </ul>
  )
}
