const frame = (message: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(message.length)
  return Buffer.concat([length, message])
}

function smb2(command: number, status: number, body: Buffer): Buffer {
  const header = Buffer.alloc(64)
  header.write('\xfeSMB', 'latin1')
  header.writeUInt16LE(64, 4)
  header.writeUInt32LE(status, 8)
  header.writeUInt16LE(command, 12)
  return frame(Buffer.concat([header, body]))
}

/** A response to NEGOTIATE with nothing but a status. */
export const smb2Error = (status: number): Buffer => smb2(0, status, Buffer.from('090000000000000000', 'hex'))

/** A response to NEGOTIATE of SMB 3.0 with signatures that are enabled; `bytes` of its message alone. */
export function negotiateResponse({ revision = 0x0300, bytes = 128 } = {}): Buffer {
  const body = Buffer.alloc(64)
  body.writeUInt16LE(65, 0)
  body.writeUInt16LE(1, 2)
  body.writeUInt16LE(revision, 4)
  return smb2(0, 0, body.subarray(0, bytes - 64))
}

/** A response to SESSION_SETUP with the AV pairs of an NTLM challenge. */
export function challengeResponse(pairs: Readonly<Record<number, string>>): Buffer {
  const encoded = Object.entries(pairs).flatMap(([id, text]) => {
    const value = Buffer.from(text, 'utf16le')
    const head = Buffer.alloc(4)
    head.writeUInt16LE(Number(id), 0)
    head.writeUInt16LE(value.length, 2)
    return [head, value]
  })
  const info = Buffer.concat([...encoded, Buffer.alloc(4)])
  const message = Buffer.alloc(48)
  message.write('NTLMSSP\0', 'latin1')
  message.writeUInt32LE(2, 8)
  message.writeUInt16LE(info.length, 40)
  message.writeUInt32LE(48, 44)
  const body = Buffer.alloc(8)
  body.writeUInt16LE(9, 0)
  body.writeUInt16LE(72, 4)
  body.writeUInt16LE(message.length + info.length, 6)
  return smb2(1, 0xc000_0016, Buffer.concat([body, message, info]))
}

/** A response to SMB_COM_NEGOTIATE of SMB1. */
export function smb1Response({ index = 0, words = 17, mode = 3 } = {}): Buffer {
  const message = Buffer.alloc(32 + 1 + 2 * words + 2)
  message.write('\xffSMB', 'latin1')
  message.writeUInt8(0x72, 4)
  message.writeUInt8(words, 32)
  message.writeUInt16LE(index, 33)
  if (words >= 17) message.writeUInt8(mode, 35)
  return frame(message)
}
