import fc from 'fast-check'
import papa from 'papaparse'
import { describe, expect, test } from 'vitest'
import { type Cell, type Columns, csvHead, csvLines, ndjsonLines, withoutGuard } from '../../src/encoding/csv.ts'
import { complianceColumns, driftColumns, findingColumns, spanColumns } from '../../src/report/listings/columns.ts'

const one: Columns<{ a: Cell; b: Cell }> = { a: (item) => item.a, b: (item) => item.b }

/** Reads CSV as RFC 4180 section 2 defines it, and nothing more lenient. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  const row: string[] = []
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y
  while (cell.lastIndex < text.length) {
    const from = cell.lastIndex
    const [, quoted, plain = '', end] = cell.exec(text) ?? []
    if (end === undefined) throw new Error(`no RFC 4180 at ${from}: ${JSON.stringify(text.slice(from, from + 40))}`)
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end === '\r\n') rows.push(row.splice(0))
  }
  return rows
}

describe('CSV', () => {
  test.each([
    ['plain text', 'epp-01', 'epp-01'],
    ['a comma', 'a,b', '"a,b"'],
    ['a quote', 'a"b', '"a""b"'],
    ['a line end', 'a\r\nb', '"a\r\nb"'],
    ['a line feed', 'a\nb', '"a\nb"'],
    ['nothing', null, ''],
    ['a number', 1.5, '1.5'],
    ['a number below zero', -1, '-1'],
    ['zero', 0, '0'],
    ['a truth', true, 'true'],
    ['an untruth', false, 'false'],
    ['a structure', { a: 1, b: ['x'] }, '"{""a"":1,""b"":[""x""]}"'],
    ['letters of any script', 'Zürich 東京 😀', 'Zürich 東京 😀'],
  ] as [string, Cell, string][])('writes %s as RFC 4180 does', (_, value, written) => {
    expect(csvLines(one, [{ a: value, b: 'x' }])).toBe(`${written},x\r\n`)
  })

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t1', '\r1', '=HYPERLINK("http://x")', '-2+3'])(
    'makes text of what a spreadsheet would take for a formula: %j',
    (value) => {
      expect(parseCsv(csvLines(one, [{ a: value, b: '' }]))).toEqual([[`'${value}`, '']])
    },
  )

  test.each([
    ['x;=1+1', "x;'=1+1"],
    ['x;"=1&"', `x;"'=1&"`],
    ['x\t@SUM(A1);-2', "x\t'@SUM(A1);'-2"],
    ['x\n+1', "x\n'+1"],
    ['\t=1', "'\t'=1"],
    ['\r=1', "'\r'=1"],
    ['a;b=1;c -2', 'a;b=1;c -2'],
  ])('makes text of it also where a spreadsheet separates by semicolons or tabs: %j', (value, written) => {
    expect(parseCsv(csvLines(one, [{ a: value, b: '' }]))).toEqual([[written, '']])
  })

  test('keeps JSON what it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...';=+-@\t\n"\\a\uFF1D') }), (text) => {
        const [[cell = ''] = []] = parseCsv(csvLines(one, [{ a: { text }, b: '' }]))
        expect(JSON.parse(cell)).toEqual({ text })
        expect(cell).not.toMatch(/[;\t\r\n]"*[=+\-@\uFF1D]/)
      }),
    )
  })

  test('has a head of the names of the columns, and CRLF after every line', () => {
    expect(csvHead(one)).toBe('a,b\r\n')
    expect(
      csvLines(one, [
        { a: 1, b: 2 },
        { a: 3, b: 4 },
      ]),
    ).toBe('1,2\r\n3,4\r\n')
    expect(csvLines(one, [])).toBe('')
  })

  test('is read back as exactly what it was: the guard is removed, and nothing else', () => {
    const nasty = fc.string({ unit: fc.constantFrom(...'\'=+-@;\t\r\n" ,a\uFF1D') })
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string({ unit: 'binary' })), (text) => {
        const [[cell = ''] = []] = parseCsv(csvLines(one, [{ a: text, b: 'x' }]))
        expect(withoutGuard(cell)).toBe(text)
        expect(cell).not.toMatch(/(^|[;\t\r\n]"*)[=+\-@\uFF1D]/)
      }),
      { numRuns: 5_000 },
    )
  })

  test('round-trips every text, except for the mark before a formula', () => {
    const texts = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(fc.array(fc.record({ a: texts, b: texts }), { minLength: 1 }), (items) => {
        const read = parseCsv(csvHead(one) + csvLines(one, items))
        const formula = /^'*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/
        const inner = /(?<=[;\t\r\n]"*)(?='*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g
        const marked = (text: string) => (formula.test(text) ? `'${text}` : text).replace(inner, "'")
        expect(read).toEqual([['a', 'b'], ...items.map(({ a, b }) => [marked(a), marked(b)])])
      }),
    )
  })

  test('is what Papa Parse makes of the same, byte for byte', () => {
    const texts = fc.string({ unit: fc.constantFrom(...'=+-@\uFF1D\uFF0B\uFF0D\uFF20 ,"\'\uFEFF\u0000a😀') })
    const cells = fc.oneof(texts, fc.constant(null), fc.boolean(), fc.double(), fc.integer())
    fc.assert(
      fc.property(fc.array(fc.record({ a: cells, b: cells }), { minLength: 1 }), (items) => {
        const rows = items.map(({ a, b }) => [a, b])
        const escapeFormulae = /^'*[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/
        expect(csvLines(one, items)).toBe(`${papa.unparse(rows, { newline: '\r\n', escapeFormulae })}\r\n`)
      }),
      { numRuns: 1_000 },
    )
  })

  test('comes out the same in pieces as whole', () => {
    const items = Array.from({ length: 10 }, (_, i) => ({ a: i, b: `"${i}"` }))
    const pieces = [items.slice(0, 3), [], items.slice(3)].map((some) => csvLines(one, some))
    expect(pieces.join('')).toBe(csvLines(one, items))
  })
})

test('NDJSON is one JSON text per line for any content', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (items) => {
      const lines = ndjsonLines(items).split('\n')
      expect(lines.pop()).toBe('')
      expect(lines.map((line) => JSON.parse(line))).toEqual(items.map((item) => JSON.parse(JSON.stringify(item))))
    }),
  )
})

describe('the columns', () => {
  const reason = { code: 'as-expected', message: 'The observation is what the rule expects.' }
  const judged = {
    rule: 'r',
    vantage: 'v',
    result: 'pass',
    state: 'open',
    reason,
    evidence: { host: 'h', port: 1 },
    fingerprint: 'f',
  }
  const cellsOf = <T>(columns: Columns<T>, item: T) =>
    Object.fromEntries(Object.entries(columns).map(([name, cell]) => [name, cell(item)]))

  test('of a finding show all of it', () => {
    const seen = { observedAt: 'o', latencyMs: null, attempts: 2, indirect: true, late: false }
    const item = { ...judged, target: 't', ...seen, window: null, waiver: { id: 'w', expiresAt: 'e' } }
    expect(cellsOf(findingColumns, item)).toEqual({
      target: 't',
      rule: 'r',
      vantage: 'v',
      result: 'pass',
      state: 'open',
      reasonCode: reason.code,
      reasonMessage: reason.message,
      evidence: judged.evidence,
      observedAt: 'o',
      latencyMs: null,
      attempts: 2,
      indirect: true,
      late: false,
      window: null,
      waiver: 'w',
      fingerprint: 'f',
    })
    expect(cellsOf(findingColumns, { ...item, evidence: null }).evidence).toBeNull()
  })

  test('of a span show its time and what changed', () => {
    const item = { ...judged, policy: 'p', from: 'f', to: null, changes: [{ path: '/state' }] }
    expect(cellsOf(spanColumns, item)).toMatchObject({
      from: 'f',
      to: null,
      policy: 'p',
      changes: item.changes,
    })
  })

  test('of a drift show both sides, and empty cells for one that is absent', () => {
    const placed = { target: 't', policy: 'p', rule: 'r', vantage: 'v', at: 'a', changes: [], fingerprint: 'f' }
    const item = { ...placed, class: 'appeared', cause: 'scope', significance: 'info', before: null, after: judged }
    expect(cellsOf(driftColumns, item)).toMatchObject({
      class: 'appeared',
      significance: 'info',
      resultBefore: null,
      reasonBefore: null,
      resultAfter: 'pass',
      reasonAfter: 'as-expected',
    })
  })

  test('of compliance show each count by itself', () => {
    const counts = { pass: 1, fail: 2, unknown: 3, error: 4, notapplicable: 5, notchecked: 6 }
    const bounds = { oldestObservation: 'o', newestObservation: null }
    const item = { policy: 'p', severity: null, group: 'g', counts, waived: 1, score: 0.5, ...bounds }
    expect(cellsOf(complianceColumns, item)).toMatchObject({ policy: 'p', ...counts, waived: 1, score: 0.5, ...bounds })
  })
})
