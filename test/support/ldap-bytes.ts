/** RFC 4511 tags. */
export const ldapTags = { bind: 0x61, searchEntry: 0x64, searchDone: 0x65, extended: 0x78 } as const

/** One BER element. */
export function element(tag: number, ...content: (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(content.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body])
  const length = Buffer.alloc(5, 0x84) // like Active Directory
  length.writeUInt32BE(body.length, 1)
  return Buffer.concat([Buffer.of(tag), length, body])
}

/** An LDAPMessage. */
export function ldapMessage(messageId: number, operation: Uint8Array): Buffer {
  const id = Buffer.alloc(4)
  id.writeInt32BE(messageId)
  return element(0x30, element(0x02, id), operation)
}

/** An LDAPResult response. */
export const ldapResult = (messageId: number, tag: number, code: number, text = ''): Buffer =>
  ldapMessage(messageId, element(tag, element(0x0a, Buffer.of(code)), element(0x04), element(0x04, text)))

/** The entry of a rootDSE search. */
export function rootDseEntry(messageId: number, attributes: Record<string, readonly (string | Uint8Array)[]>): Buffer {
  const list = Object.entries(attributes).map(([name, values]) =>
    element(0x30, element(0x04, name), element(0x31, ...values.map((value) => element(0x04, value)))),
  )
  return ldapMessage(messageId, element(ldapTags.searchEntry, element(0x04), element(0x30, ...list)))
}

/** The complete response to a rootDSE search. */
export const rootDseResponse = (
  messageId: number,
  attributes: Record<string, readonly (string | Uint8Array)[]> = { defaultNamingContext: ['DC=lab,DC=test'] },
): Buffer => Buffer.concat([rootDseEntry(messageId, attributes), ldapResult(messageId, ldapTags.searchDone, 0)])
