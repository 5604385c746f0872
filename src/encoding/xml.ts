const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // In attributes a parser would make spaces of these (XML 1.0 section 3.3.3).
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

/** Text for an element or a double-quoted attribute; what XML 1.0 cannot hold (section 2.2) is left out. */
export const escapeXml = (text: string): string =>
  text
    .replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replace(/[&<>"\t\n\r]/g, (character) => entities[character] ?? '')

export const xmlHead = '<?xml version="1.0" encoding="UTF-8"?>\n'

type Attributes = Record<string, string | number | null | undefined>

/** A start tag; attributes without a value are left out. */
export const openTag = (name: string, attributes: Attributes = {}): string =>
  `<${name}${Object.entries(attributes)
    .flatMap(([key, value]) => (value === null || value === undefined ? [] : ` ${key}="${escapeXml(String(value))}"`))
    .join('')}>`

/** An element; `content` is XML already. */
export function element(name: string, attributes: Attributes = {}, content = ''): string {
  const open = openTag(name, attributes)
  return content === '' ? `${open.slice(0, -1)}/>` : `${open}${content}</${name}>`
}
