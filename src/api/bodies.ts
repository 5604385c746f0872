import type { FastifyInstance } from 'fastify'

/** Deeper than any document of this API; what walks through a body may recurse. */
const maxDepth = 64

/** The body cannot be read as what it says it is. */
class MalformedError extends Error {
  readonly statusCode = 400
}

/**
 * Reads JSON more strictly than JSON.parse: UTF-8 that is none, a name that is there twice in one object (of which JSON.parse takes
 * the last, and a gateway in front of the service perhaps the first), prototype keys and deep nesting are refused (RFC 8259 section 4).
 */
export function readBodies(app: FastifyInstance): void {
  app.removeContentTypeParser(['application/json', 'text/plain']) // what is not told to be JSON is not taken for anything else
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      const text = readText(body)
      checkJson(text)
      parse(request, text, done)
    } catch (error) {
      done(error as Error)
    }
  })
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The text of a body; throws where it is not UTF-8. */
export function readText(body: Buffer): string {
  try {
    return utf8.decode(body)
  } catch {
    throw new MalformedError('the body must be well-formed UTF-8')
  }
}

/** Throws where an object has a name twice, or the nesting is too deep. What is no JSON at all may pass: the parser refuses it. */
function checkJson(text: string): void {
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    if (character === '"') {
      const end = endOfString(text, at)
      if (end === undefined) return
      const names = open.at(-1)
      if (names && isName(text, end)) take(names, text.slice(at, end))
      at = end - 1
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined)
      if (open.length > maxDepth) throw new MalformedError(`the body must not be nested more than ${maxDepth} deep`)
    } else if (character === '}' || character === ']') open.pop()
  }
}

function take(names: Set<string>, literal: string): void {
  const name = literal.includes('\\') ? unescaped(literal) : literal
  if (names.has(name)) throw new MalformedError(`the body has the name ${name.slice(0, 100)} twice in one object`)
  names.add(name)
}

/** `"\u0061"` as `"a"`; what has no valid escape stays for the parser to refuse. */
function unescaped(literal: string): string {
  try {
    return JSON.stringify(JSON.parse(literal))
  } catch {
    return literal
  }
}

const colon = /[ \t\r\n]*:/y

function isName(text: string, end: number): boolean {
  colon.lastIndex = end
  return colon.test(text)
}

/** Where the string that begins at a quote has ended: behind the next quote that no odd number of backslashes precedes. */
function endOfString(text: string, start: number): number | undefined {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (text[quote - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return quote + 1
  }
  return undefined
}
