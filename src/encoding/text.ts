/**
 * What a peer sent, as printable ASCII for facts and messages: control bytes and non-ASCII become `\xNN`, byte for byte
 * (text counts as UTF-8), and all after `maxBytes` is cut off. For people to read; it cannot be turned back.
 */
export function escapeControls(sent: string | Uint8Array, maxBytes = 1024): string {
  const bytes = typeof sent === 'string' ? new TextEncoder().encode(sent) : sent
  return Array.from(bytes.subarray(0, maxBytes), escapeByte).join('')
}

const escapeByte = (byte: number): string =>
  byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`

// A terminal obeys control characters; what turns the direction of text means another thing than it shows (CVE-2021-42574).
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const controls = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g

/** Whether a text can be kept and shown as it is. PostgreSQL keeps neither NUL nor half a character. */
export const isPlainText = (text: string): boolean => text.isWellFormed() && text.search(controls) === -1

/** What such a text is, in words that follow its name. */
export const plainText = 'must be well-formed text without control characters'

/** The text with its control characters as `\uNNNN`; JSON says the same then. */
export const showControls = (text: string): string =>
  text.replace(controls, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)

// A key of the API, and a token (JWT).
const secretText = /pw_[0-9a-f]{12}_[\w-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*/g

/** The text without the keys and tokens that somebody put where they do not belong. */
export const hideSecrets = (text: string): string => text.replace(secretText, '[hidden]')
