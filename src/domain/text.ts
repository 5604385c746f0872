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

// A key of the API, and a token (JWT).
const secretText = /pw_[0-9a-f]{12}_[\w-]+|\beyJ[\w-]+\.[\w-]+\.[\w-]*/g

/** The text without the keys and tokens that somebody put where they do not belong. */
export const hideSecrets = (text: string): string => text.replace(secretText, '[hidden]')
