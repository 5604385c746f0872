import { describe, expect, test } from 'vitest'
import {
  type Box,
  type FlowLayout,
  layoutFlows,
  type Rect,
  shorten,
} from '../../../../src/console/pages/flows/layout.ts'
import {
  type FlowEdge,
  type FlowReport,
  noteOf,
  passText,
  portsText,
} from '../../../../src/console/pages/flows/texts.ts'

const none = { pass: 0, fail: 0, unknown: 0, error: 0, notapplicable: 0, notchecked: 0 }
const edge = (more: Partial<FlowEdge>): FlowEdge => ({
  ...{
    policy: 'p',
    rule: 'r',
    title: 'A rule',
    rationale: null,
    severity: 'high',
    direction: 'inbound',
    zone: 'client',
  },
  ...{ from: 'zone:client', to: 'server', probe: 'tcp', targets: 1, ports: [{ port: 443, targets: 1 }] },
  expects: { kind: 'open', states: ['open'], insideWindow: null, groups: [] },
  ...{ counts: { ...none, pass: 1 }, waived: 0, worst: { result: 'pass', state: 'open' }, blocked: [] },
  ...more,
})
const failing: Partial<FlowEdge> = {
  ...{ counts: { ...none, pass: 412, fail: 3 }, worst: { result: 'fail', state: 'filtered' } },
  blocked: [{ after: '10.66.2.2', rejectedBy: null, checks: 3, trace: 't' }],
}
const zones = ['client', 'untrusted', 'support'].map((name) => ({ id: `zone:${name}`, name }))
const hosts: FlowReport['hosts'] = [
  { id: 'server', role: 'server', name: 'server', targets: 415, hosts: [] },
  { id: 'peer:dc', role: 'peer', name: 'dc', targets: 415, hosts: [{ host: 'dc1.example.org', targets: 415 }] },
  { id: 'endpoint:proxy', role: 'endpoint', name: 'proxy', targets: 415, hosts: [] },
]
const outbound = { direction: 'outbound', zone: 'server', from: 'server', to: 'peer:dc' } as const

const bottomOf = ({ y, height }: Rect) => y + height
const rightOf = ({ x, width }: Rect) => x + width
const overlap = (a: Rect, b: Rect) => a.x < rightOf(b) && b.x < rightOf(a) && a.y < bottomOf(b) && b.y < bottomOf(a)
const pairsOf = <T>(items: readonly T[]) => items.flatMap((a, i) => items.slice(i + 1).map((b) => [a, b] as const))

/** The width that letters take, in the widest of usual fonts. */
const widthOf = (text: string) => [...text].length * 7.2
const textsOf = ({ lanes }: FlowLayout): Rect[] =>
  lanes.flatMap(({ title, standing, port, note }) => [
    { x: title.x, y: title.y - 11, width: widthOf(title.text), height: 13 },
    { x: standing.x, y: standing.y - 11, width: 18 + widthOf(standing.text), height: 13 },
    { ...port, y: port.y - port.height / 2 },
    ...(note ? [{ x: note.x, y: note.y - 11, width: widthOf(note.text), height: 13 }] : []),
  ])

const many = (count: number, name = 'rule'): FlowEdge[] =>
  Array.from({ length: count }, (_, i) => {
    const zone = zones[i % 3]?.name ?? 'client'
    const rule = `${name}-${i}`
    const common = { rule, title: `${name} ${i}`, ...(i % 2 === 0 && failing) }
    if (i % 4 === 3) return edge({ ...common, ...outbound })
    return edge({ ...common, zone, from: `zone:${zone}`, to: i % 5 === 4 ? 'endpoint:proxy' : 'server' })
  })

const long = 'a rule with a name that is much longer than any picture has room for '.repeat(4)
const reports: [string, FlowEdge[]][] = [
  ['one rule', [edge({})]],
  ['one outbound rule', [edge(outbound)]],
  ['a rule about another host alone', [edge({ to: 'endpoint:proxy' })]],
  ['30 rules', many(30)],
  ['long names', many(12, long)],
  ['many ports', [edge({ ports: Array.from({ length: 20 }, (_, i) => ({ port: 60_000 + i, targets: 1 })) })]],
]

describe.each(reports)('the picture of %s', (_, edges) => {
  const layout = layoutFlows({ edges, zones, hosts })
  const { boxes, lanes } = layout

  test('has a lane for each rule and zone, and no text, box or lane on another', () => {
    expect(lanes).toHaveLength(edges.length)
    for (const items of [boxes, lanes, textsOf(layout)])
      for (const [a, b] of pairsOf<Rect>(items)) expect([a, b, overlap(a, b)]).toEqual([a, b, false])
  })

  test('has its texts within their lanes, and everything within its size', () => {
    for (const text of textsOf(layout)) expect(lanes.some((lane) => within(text, lane))).toBe(true)
    for (const item of [...boxes, ...lanes]) expect(within(item, { x: 0, y: 0, ...layout })).toBe(true)
  })

  test('has lines that end at their boxes', () => {
    const touches = (box: Box | undefined, x: number, y: number) =>
      box !== undefined && (x === box.x || x === rightOf(box)) && y > box.y && y < bottomOf(box)
    for (const { line } of lanes)
      for (const x of [line.x1, line.x2]) expect(boxes.filter((box) => touches(box, x, line.y))).toHaveLength(1)
  })
})

const within = (inner: Rect, outer: Rect) =>
  inner.x >= outer.x && inner.y >= outer.y && rightOf(inner) <= rightOf(outer) && bottomOf(inner) <= bottomOf(outer)

describe('a picture', () => {
  test('has zones left, the server in the middle and what it reaches right', () => {
    const { boxes } = layoutFlows({ edges: [edge({}), edge(outbound)], zones, hosts }, 'epp-01')
    expect(boxes.toSorted((a, b) => a.x - b.x).map(({ title, note }) => [title, note])).toEqual([
      ['client', 'zone'],
      ['epp-01', '415 targets'],
      ['dc1.example.org', 'dc'],
    ])
  })

  test('leaves out rules that apply to no target', () => {
    const applies = edge({})
    const not = edge({ rule: 'not', targets: 0, counts: { ...none, notapplicable: 3 } })
    expect(layoutFlows({ edges: [applies, not], zones, hosts }).lanes.map(({ edge: { rule } }) => rule)).toEqual(['r'])
  })
})

describe('the words of a flow', () => {
  test('say how many checks pass, and where a blocked one stops', () => {
    const one = edge(failing)
    expect([passText(one), noteOf(one)]).toEqual(['412 of 415', 'filtered, blocked after 10.66.2.2'])
  })

  test('say nothing of a flow that is as it must be, and that one was not audited', () => {
    expect([noteOf(edge({})), noteOf(edge({ worst: null }))]).toEqual(['', 'not audited yet'])
  })

  test('call a failure waived only if all are', () => {
    const waived = { ...failing, counts: { ...none, fail: 3 } }
    expect(noteOf(edge({ ...waived, waived: 3 }))).toBe('filtered, waived')
    expect(noteOf(edge({ ...waived, waived: 2 }))).toMatch(/^filtered, blocked/)
  })

  test('name few ports', () => {
    const ports = [443, 8443, 9443, 10_443, 11_443].map((port) => ({ port, targets: 1 }))
    expect(portsText({ ports })).toBe('443, 8443, 9443 and 2 more')
  })

  test('are cut between characters', () => {
    expect([shorten('abc', 100), shorten('😀😀😀😀', 3 * 7.2)]).toEqual(['abc', '😀😀…'])
  })
})
