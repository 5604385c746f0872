const entities = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // Parsers turn these into spaces (XML 1.0, 3.3.3).
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
}

/** Text for an element or a quoted attribute, without the characters that XML 1.0 excludes (section 2.2). */
export const escapeXml = (text: string): string =>
  text
    .replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replace(/[&<>"\t\n\r]/g, (character) => entities[character as keyof typeof entities])

export const xmlHead = '<?xml version="1.0" encoding="UTF-8"?>\n'

type Attributes = Record<string, string | number | null | undefined>

/** A start tag; omits attributes without a value. */
export const openTag = (name: string, attributes: Attributes = {}): string =>
  `<${name}${Object.entries(attributes)
    .flatMap(([key, value]) => (value === null || value === undefined ? [] : ` ${key}="${escapeXml(String(value))}"`))
    .join('')}>`

/** An element; `content` must be XML. */
export function element(name: string, attributes: Attributes = {}, content = ''): string {
  const open = openTag(name, attributes)
  return content === '' ? `${open.slice(0, -1)}/>` : `${open}${content}</${name}>`
}
