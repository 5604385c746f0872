import {
  appliesToNone,
  type FlowEdge,
  type FlowHost,
  type FlowReport,
  hostNote,
  hostText,
  noteOf,
  passText,
  portsText,
} from './texts.ts'

export interface Rect {
  x: number
  y: number
  width: number
  height: number
}

export interface Text extends Pick<Rect, 'x' | 'y' | 'width'> {
  text: string
}

export interface Box extends Rect {
  key: string
  kind: 'zone' | 'server' | 'host'
  title: string
  note: string
}

/** An edge in its own lane: nothing else is in it. */
export interface Lane extends Rect {
  key: string
  edge: FlowEdge
  /** The line, from the edge of one box to that of another. */
  line: { x1: number; x2: number; y: number }
  /** The middle of the sign: arrow, wall or gate. */
  sign: { x: number; y: number }
  title: Text
  port: Text & { height: number }
  standing: Text
  /** What is wrong; undefined while nothing is. */
  note: Text | undefined
}

export interface FlowLayout {
  width: number
  height: number
  boxes: Box[]
  lanes: Lane[]
}

const width = 1160
const boxWidth = 150
const gap = 16
const inset = 8
const glyph = 18
/** Heights of a lane: its text and its line, and a note below. */
const laneHeight = 46
const noteHeight = 22
const boxPadding = 4
const leastBox = 52
const portHeight = 18
/** No letter is wider, on average of a word, in the size of the picture. */
const letterWidth = 7.2

/** A text that fits into a width, with an ellipsis where it is cut. */
export function shorten(text: string, room: number): string {
  const letters = [...text]
  const most = Math.max(1, Math.floor(room / letterWidth))
  return letters.length <= most ? text : `${letters.slice(0, most - 1).join('')}…`
}

const widthOf = (text: string) => [...text].length * letterWidth

/**
 * The picture of flows in three columns: zones left, servers in the middle, other hosts right. Every edge has a lane of its own, so that
 * nothing overlaps; a box is as high as its lanes. Rules that apply to no target are left out.
 */
export function layoutFlows(
  { edges: all, hosts, zones }: Pick<FlowReport, 'edges' | 'hosts' | 'zones'>,
  target?: string,
): FlowLayout {
  const edges = all.filter((edge) => !appliesToNone(edge))
  const inbound = edges.filter(({ direction }) => direction === 'inbound')
  const outbound = edges.filter(({ direction }) => direction === 'outbound')
  const hasRight = outbound.length > 0
  const middle = hasRight ? 500 : width - boxWidth
  const left = { from: boxWidth, to: middle }
  const right = { from: middle + boxWidth, to: width - boxWidth }
  const hostOf = (id: string) => hosts.find((host) => host.id === id)
  const boxOf = (host: FlowHost | undefined, id: string): Pick<Box, 'title' | 'note'> => ({
    title: host ? hostText(host, target) : id,
    note: host ? hostNote(host) : '',
  })
  const boxes: Box[] = []
  const lanes: Lane[] = []

  /** Stacks groups of lanes from `top`, each beside a box; returns where they end. */
  const stack = (
    groups: Iterable<readonly [string, FlowEdge[]]>,
    side: typeof left,
    { top, x, kind }: { top: number; x: number; kind: Box['kind'] },
  ) => {
    let y = top
    for (const [id, group] of groups) {
      const start = y
      y += boxPadding
      for (const edge of group) {
        const lane = laneOf(edge, { y, ...side })
        lanes.push(lane)
        y += lane.height
      }
      y = Math.max(y + boxPadding, start + leastBox)
      const zone = zones.find((one) => one.id === id)
      const texts = zone ? { title: zone.name, note: 'zone' } : boxOf(hostOf(id), id)
      boxes.push({ key: `${id} at ${start}`, kind, x, y: start, width: boxWidth, height: y - start, ...texts })
      y += gap
    }
    return y - gap
  }

  const endpoints = [...Map.groupBy(inbound, ({ to }) => to)].sort(
    ([a], [b]) => Number(b === 'server') - Number(a === 'server'),
  )
  const toServer = endpoints.find(([id]) => id === 'server')?.[1] ?? []
  const isThere = toServer.length > 0 || hasRight
  const leftEnd = isThere
    ? stack(
        Map.groupBy(toServer, ({ from }) => from),
        left,
        { top: 0, x: 0, kind: 'zone' },
      )
    : 0
  const rightEnd = hasRight
    ? stack(
        Map.groupBy(outbound, ({ to }) => to),
        right,
        { top: 0, x: width - boxWidth, kind: 'host' },
      )
    : 0
  let bottom = 0
  if (isThere) {
    bottom = Math.max(leftEnd, rightEnd, leastBox)
    boxes.push({
      key: 'server',
      kind: 'server',
      x: middle,
      y: 0,
      width: boxWidth,
      height: bottom,
      ...boxOf(hostOf('server'), 'server'),
    })
  }
  for (const [id, group] of endpoints.filter(([one]) => one !== 'server')) {
    const top = bottom > 0 ? bottom + gap : 0
    bottom = stack(
      Map.groupBy(group, ({ from }) => from),
      left,
      { top, x: 0, kind: 'zone' },
    )
    boxes.push({
      key: id,
      kind: 'host',
      x: middle,
      y: top,
      width: boxWidth,
      height: bottom - top,
      ...boxOf(hostOf(id), id),
    })
  }
  return { width, height: bottom, boxes, lanes }
}

function laneOf(edge: FlowEdge, { y, from, to }: { y: number; from: number; to: number }): Lane {
  const note = noteOf(edge)
  const line = { x1: from, x2: to, y: y + 34 }
  const standing = passText(edge)
  const standingWidth = widthOf(standing) + glyph
  const room = to - from - 2 * inset
  const textY = y + 16
  const port = shorten(portsText(edge) || 'no port', room * 0.45)
  const portWidth = widthOf(port) + 2 * inset
  return {
    key: `${edge.policy} ${edge.rule} ${edge.zone}`,
    edge,
    ...{ x: from, y, width: to - from, height: laneHeight + (note ? noteHeight : 0) },
    line,
    sign: { x: from + (to - from) * 0.78, y: line.y },
    title: {
      x: from + inset,
      y: textY,
      width: room - standingWidth - inset,
      text: shorten(edge.title, room - standingWidth - inset),
    },
    port: { x: from + 2 * inset, y: line.y, width: portWidth, height: portHeight, text: port },
    standing: { x: to - inset - standingWidth, y: textY, width: standingWidth, text: standing },
    note: note ? { x: from + inset, y: line.y + 22, width: room, text: shorten(note, room) } : undefined,
  }
}
