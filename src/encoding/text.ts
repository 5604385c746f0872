/**
 * Printable ASCII of the first `maxBytes` that a peer sent, for facts and messages: every other byte becomes `\xNN`, text as
 * UTF-8. Not reversible.
 */
export function escapeControls(sent: string | Uint8Array, maxBytes = 1024): string {
  const bytes =
    typeof sent === 'string' ? Buffer.from(sent) : Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength)
  return bytes.toString('latin1', 0, maxBytes).replace(unprintable, escapeByte)
}

const unprintable = /[^\x20-\x7e]/g
const escapeByte = (byte: string): string => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`

// Control characters drive terminals; bidirectional ones disguise text (CVE-2021-42574).
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern finds them
const controls = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g

/** PostgreSQL stores neither NUL nor lone surrogates. */
export const isPlainText = (text: string): boolean => text.isWellFormed() && text.search(controls) === -1

/** A validation message for text that is not plain. */
export const plainText = 'must be well-formed text without control characters'

/** Escapes control characters as `\uNNNN`, which JSON reads back. */
export const showControls = (text: string): string =>
  text.replace(controls, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)

// API keys and tokens (JWT).
const secretText = /pw_[0-9a-f]{12}_[\w-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*/g

/** Replaces keys and tokens that a text quotes. */
export const hideSecrets = (text: string): string => text.replace(secretText, '[hidden]')

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** Longer characters, such as piles of accents, are cut between code points. */
const longestGrapheme = 64

/** The start of a text with at most `max` UTF-16 units, which ends between two characters as readers see them (UAX #29). */
export function truncate(text: string, max: number): string {
  if (text.length <= max) return text
  const start = graphemes.segment(text.slice(0, max + longestGrapheme)).containing(max)?.index ?? max
  if (start > max - longestGrapheme && start > 0) return text.slice(0, start)
  const isInside = /[\ud800-\udbff]$/.test(text.slice(0, max)) && /^[\udc00-\udfff]/.test(text.slice(max, max + 1))
  return text.slice(0, isInside ? max - 1 : max)
}

/** A part of a text. Lines and columns count from 1; the end column follows the last character. */
export interface TextRegion {
  startLine: number
  startColumn: number
  endLine: number
  endColumn: number
}
