/** The forms in which a secret could lie somewhere, by name. */
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

/** The characters that bytes always have inside a longer base64 text, when they begin so many bytes into a group of three. */
function base64Within(bytes: Buffer, offset: 0 | 1 | 2): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64')
  const own = { 0: 0, 1: 2, 2: 3 }[offset] // the characters before these hold bits of other bytes
  return text.slice(own, Math.floor(((offset + bytes.length) * 8) / 6))
}

/** Which secrets lie in a text, and in which forms. */
export function findSecrets(text: Uint8Array, secrets: Record<string, string>): string[] {
  const haystack = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  return Object.entries(secrets).flatMap(([name, secret]) =>
    [...formsOf(secret)].filter(([, form]) => haystack.includes(form)).map(([form]) => `${name}: ${form}`),
  )
}
