import { parse } from 'csv-parse/sync'
import { XMLValidator } from 'fast-xml-parser'
import ICAL from 'ical.js'
import { expect } from 'vitest'
import { readAws, readCisco, readNftables, readPowerShell } from './firewall-grammars.ts'
import { obeyed } from './hostile-texts.ts'

const evilTags = /<(script>|img |evil\/>)|<!DOCTYPE a/i
const formula = /^[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/
const isNumber = (cell: string) => /^-?\d+(\.\d+)?$/.test(cell)

const checks: [RegExp, (text: string) => void][] = [
  [/(?<!nd)json$/, (text) => expect(() => JSON.parse(text)).not.toThrow()],
  [
    /ndjson$/,
    (text) => {
      for (const line of text.split('\n').filter((one) => one !== '')) expect(JSON.parse(line)).toBeTypeOf('object')
    },
  ],
  [
    /csv$/,
    (text) => {
      const rows = parse(text) as string[][] // throws unless every row has as many cells as the header
      const formulas = (cells: string[]) => cells.filter((cell) => formula.test(cell) && !isNumber(cell))
      expect(formulas(rows.flat())).toEqual([])
      // With semicolons or tabs as separators, most quotes have no meaning.
      expect(formulas(text.split(/[;\t\r\n]"*/))).toEqual([])
    },
  ],
  [/xml$/, (text) => expect(XMLValidator.validate(text)).toBe(true)],
  [/xml$|html$/, (text) => expect(text).not.toMatch(evilTags)],
  [
    /event-stream$/,
    (text) => {
      for (const line of text.split(/\r\n|\r|\n/))
        expect(line).toMatch(/^(event: (progress|ended)|id: \S+|retry: \d+|data: \{.*\}|)$/)
    },
  ],
  [
    /calendar$/,
    (text) => {
      const events = new ICAL.Component(ICAL.parse(text)).getAllSubcomponents()
      for (const event of events) expect(event.name).toBe('vevent')
      expect(events.filter((event) => !String(event.getFirstPropertyValue('uid')).endsWith('.portwarden'))).toEqual([])
    },
  ],
  [/x-nftables$/, readNftables],
  [/x-powershell$/, readPowerShell],
  [/x-cisco-ios$/, readCisco],
  [/ip-permissions\+json$/, readAws],
  [/^text$/, () => {}], // a terminal: controls are refused for every type
  [
    /plain$/,
    (text) => {
      const lines = text.split('\n').filter((line) => line !== '')
      for (const line of lines)
        expect(line).toMatch(/^(# (HELP|TYPE) .*|[a-z_:][a-z_:0-9]*(\{([a-z_0-9]+="(\\.|[^"\\])*",?)*\})? \S+)$/)
      expect(lines.filter((line) => line.startsWith('evil'))).toEqual([])
    },
  ],
]

/** Fails if an output contains terminal controls, bidi controls, or text that breaks its format. */
export function expectHarmless(what: string, type: string, text: string): void {
  const at = text.search(obeyed)
  expect(at === -1 ? '' : `${what}: ${JSON.stringify(text.slice(Math.max(at - 100, 0), at + 20))}`).toBe('')
  const [plain = ''] = type.split(';')
  const own = checks.filter(([pattern]) => pattern.test(plain))
  if (own.length === 0) throw new Error(`${what}: there is no check of the syntax of ${type}`)
  for (const [, check] of own) check(text)
}
