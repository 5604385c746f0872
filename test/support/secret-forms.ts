/** The encodings of a secret, by name. */
export function formsOf(secret: string): Map<string, Buffer> {
  const bytes = Buffer.from(secret)
  const hex = bytes.toString('hex')
  return new Map(
    Object.entries({
      plain: bytes,
      'UTF-16LE': Buffer.from(secret, 'utf16le'),
      hex,
      'HEX (upper case)': hex.toUpperCase(),
      'URL encoding': encodeURIComponent(secret),
      JSON: JSON.stringify(secret).slice(1, -1),
      'JSON in JSON': JSON.stringify(JSON.stringify(secret)).slice(3, -3),
      'base64 at byte 0': base64Within(bytes, 0),
      'base64 at byte 1': base64Within(bytes, 1),
      'base64 at byte 2': base64Within(bytes, 2),
    }).map(([name, form]) => [name, Buffer.from(form)]),
  )
}

/** The invariant base64 characters of bytes at this offset in a group of three. */
function base64Within(bytes: Buffer, offset: 0 | 1 | 2): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
  const own = { 0: 0, 1: 2, 2: 3 }[offset] // earlier characters mix in bits of other bytes
  return text.slice(own, Math.floor(((offset + bytes.length) * 8) / 6))
}

/** The secrets in a text, with their forms. */
export function findSecrets(text: Uint8Array, secrets: Record<string, string>): string[] {
  const haystack = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  return Object.entries(secrets).flatMap(([name, secret]) =>
    [...formsOf(secret)].filter(([, form]) => haystack.includes(form)).map(([form]) => `${name}: ${form}`),
  )
}
