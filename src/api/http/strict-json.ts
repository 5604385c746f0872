import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Deeper than any document of this API; what walks through a body may recurse. */
const maxDepth = 64
/** More than any object of this API has; an object with a million names keeps the process busy for seconds. */
const maxNames = 10_000

/** The body cannot be read as what it says it is. */
class MalformedError extends Error {
  readonly statusCode: number

  constructor(message: string, statusCode = 400) {
    super(message)
    this.statusCode = statusCode
  }
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
      if (body.length === 0) return done(null, undefined) // tools name the type with every request
      const text = readText(request, body)
      const jsonIssue = jsonIssueOf(text)
      if (jsonIssue !== undefined) throw new MalformedError(`the body ${jsonIssue}`)
      parse(request, text, done)
    } catch (error) {
      done(error as Error)
    }
  })
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Whether a body is UTF-8 by its head, and not compressed: a gateway in front of the service reads it as that says. */
export const isUtf8 = ({ headers }: FastifyRequest): boolean =>
  (headers['content-encoding'] ?? 'identity') === 'identity' &&
  !/;\s*charset=(?!"?(?:utf-8|us-ascii)\b)/i.test(headers['content-type'] ?? '')

/** The text of a body; throws where it is not UTF-8, or says that it is not. */
export function readText(request: FastifyRequest, body: Buffer): string {
  if (!isUtf8(request)) throw new MalformedError('the body must be UTF-8, and not compressed', 415)
  try {
    return utf8.decode(body)
  } catch {
    throw new MalformedError('the body must be well-formed UTF-8')
  }
}

/**
 * What is wrong with a text as JSON of this API, in words that follow its name: a name twice in one object, too many of them, or too
 * deep nesting. What is no JSON at all may pass: the parser refuses it.
 */
export function jsonIssueOf(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    if (character === '"') {
      const end = endOfString(text, at)
      if (end === undefined) return undefined
      const names = open.at(-1)
      if (names && isName(text, end)) {
        const name = nameOf(text.slice(at, end))
        if (names.has(name)) return `has the name ${name.slice(0, 100)} twice in one object`
        if (names.size === maxNames) return `has an object with more than ${maxNames} names`
        names.add(name)
      }
      at = end - 1
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined)
      if (open.length > maxDepth) return `must not be nested more than ${maxDepth} deep`
    } else if (character === '}' || character === ']') open.pop()
  }
  return undefined
}

/** `"\u0061"` as `"a"`; what has no valid escape stays for the parser to refuse. */
function nameOf(literal: string): string {
  if (!literal.includes('\\')) return literal
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
