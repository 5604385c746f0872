import fc from 'fast-check'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { expect, test } from 'vitest'
import { element, escapeXml, openTag } from '../../src/encoding/xml.ts'

test('text is escaped for elements and attributes, and what XML 1.0 cannot hold is left out', () => {
  expect(escapeXml(`<a href="x">&'</a>`)).toBe(`&lt;a href=&quot;x&quot;&gt;&amp;'&lt;/a&gt;`)
  expect(escapeXml('a\u0000b\u0008c\u000Bd\u001Fe\uFFFEf\uD800g\uFFFFh')).toBe('abcdefgh')
  expect(escapeXml('line\r\n\tnext')).toBe('line&#13;&#10;&#9;next')
  expect(escapeXml('Zürich 東京 😀 \u007F\uFFFD')).toBe('Zürich 東京 😀 \u007F\uFFFD')
})

test('attributes without a value are left out, and so is the content of an empty element', () => {
  expect(element('a', { b: 1, c: null, d: undefined, e: '"' })).toBe('<a b="1" e="&quot;"/>')
  expect(element('a', {}, element('b'))).toBe('<a><b/></a>')
  expect(openTag('a', { b: 0 })).toBe('<a b="0">')
})

test('a parser reads any text back', () => {
  const parser = new XMLParser({
    ignoreAttributes: false,
    trimValues: false,
    parseAttributeValue: false,
    parseTagValue: false,
    htmlEntities: true,
  })
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const document = element('a', { b: text })
      expect(XMLValidator.validate(document)).toBe(true)
      const kept = text.replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
      expect(parser.parse(document).a?.['@_b'] ?? '').toBe(kept)
    }),
  )
})
