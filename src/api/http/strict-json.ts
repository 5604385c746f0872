import type { FastifyInstance, FastifyRequest } from 'fastify'
import { truncate } from '../../encoding/text.ts'

/** Deeper than any valid body, and safe for recursion. */
const maxDepth = 64
/** A million names would block the process for seconds. */
const maxNames = 10_000

class MalformedError extends Error {
  readonly statusCode: number

  constructor(message: string, statusCode = 400) {
    super(message)
    this.statusCode = statusCode
  }
}

/**
 * Parses JSON bodies strictly: rejects invalid UTF-8, prototype keys, deep nesting, and duplicate names, which a gateway may
 * read differently (RFC 8259 section 4).
 */
export function readBodies(app: FastifyInstance): void {
  app.removeContentTypeParser(['application/json', 'text/plain']) // plain text is not accepted
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      if (body.length === 0) return done(null, undefined) // some clients always send the type
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

/** Whether the headers declare uncompressed UTF-8. */
export const isUtf8 = ({ headers }: FastifyRequest): boolean =>
  (headers['content-encoding'] ?? 'identity') === 'identity' &&
  !/;\s*charset=(?!"?(?:utf-8|us-ascii)\b)/i.test(headers['content-type'] ?? '')

/** Decodes a body; throws unless it is UTF-8. */
export function readText(request: FastifyRequest, body: Buffer): string {
  if (!isUtf8(request)) throw new MalformedError('the body must be uncompressed UTF-8', 415)
  try {
    return utf8.decode(body)
  } catch {
    throw new MalformedError('the body must be well-formed UTF-8')
  }
}

/** Finds duplicate names, too many names or too deep nesting. Text that is not JSON may pass, for the parser to reject. */
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
        if (names.has(name)) return `has the name ${truncate(name, 100)} twice in one object`
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

/** Resolves escapes; the parser rejects invalid ones. */
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

/** The index after the closing quote. */
function endOfString(text: string, start: number): number | undefined {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (text[quote - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return quote + 1
  }
  return undefined
}
