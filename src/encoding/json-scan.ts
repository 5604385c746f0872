import { truncate } from './text.ts'

/** Deeper than any valid body, and safe for recursion. */
const maxDepth = 64
/** A million names would block the process for seconds. */
const maxNames = 10_000
/** Of a string or number as it is written; the longest valid value has 100,000 characters of at most six each. */
const maxLiteral = 2 ** 20
/** Characters between two yields. */
const stepLength = 128 * 1024

/**
 * Finds duplicate names, too many values or names, too long strings or numbers, and too deep nesting, before anything is parsed.
 * Text that is not JSON may pass, for the parser to reject. Yields now and then; the time is linear.
 */
export function* scanJson(text: string, maxValues: number): Generator<void, string | undefined> {
  const open: (Set<string> | undefined)[] = []
  let values = 0
  let nextYield = stepLength
  for (let at = 0; at < text.length; ) {
    if (at >= nextYield) {
      nextYield = at + stepLength
      yield
    }
    const code = text.charCodeAt(at)
    let end = at + 1
    if (code === quote) {
      const close = endOfString(text, at)
      if (close === undefined) return text.length - at > maxLiteral ? tooLong : undefined
      if (close - at > maxLiteral) return tooLong
      end = close
      const names = open.at(-1)
      if (names && isName(text, end)) {
        const name = nameOf(text.slice(at, end))
        if (names.has(name)) return `has the name ${truncate(name, 100)} twice in one object`
        if (names.size === maxNames) return `has an object with more than ${maxNames} names`
        names.add(name)
      } else values += 1
    } else if (code === openBrace || code === openBracket) {
      values += 1
      open.push(code === openBrace ? new Set() : undefined)
      if (open.length > maxDepth) return `must not be nested more than ${maxDepth} deep`
    } else if (code === closeBrace || code === closeBracket) open.pop()
    else if (!isBetween(code)) {
      end = endOfLiteral(text, at)
      if (end - at > maxNumber) return `has a number with more than ${maxNumber} characters`
      values += 1
    }
    if (values > maxValues) return `has more than ${maxValues} values: split it`
    at = end
  }
  return undefined
}

/** Values of a row or cell. */
const maxRowValues = 10_000

/** What the scan finds in the text of a row or cell. */
export function jsonIssueOf(text: string): string | undefined {
  const steps = scanJson(text, maxRowValues)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

const tooLong = `has a string with more than ${maxLiteral} characters`
const maxNumber = 1_000

const quote = 0x22
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

/** Blanks, commas and colons. */
const isBetween = (code: number) => code === 0x2c || code === 0x3a || code <= 0x20

/** The index after a number or word; reads no more than is needed to refuse it. */
function endOfLiteral(text: string, start: number): number {
  const last = Math.min(text.length, start + maxNumber + 1)
  let at = start + 1
  for (; at < last; at += 1) {
    const code = text.charCodeAt(at)
    if (isBetween(code) || code === quote || code === closeBrace || code === closeBracket) break
    if (code === openBrace || code === openBracket) break
  }
  return at
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

/** The index after the closing quote, or some index beyond the limit; undefined without an end. */
function endOfString(text: string, start: number): number | undefined {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    if (at - start > maxLiteral) return at + 1
    let backslashes = 0
    while (text[at - 1 - backslashes] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return at + 1
  }
  return undefined
}
