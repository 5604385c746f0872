/** A packet of a server, [MS-TDS] section 2.2.3.1. */
export function packet(payload: Buffer, type = 0x04): Buffer {
  const header = Buffer.from([type, 1, 0, 0, 0, 0, 1, 0])
  header.writeUInt16BE(8 + payload.length, 2)
  return Buffer.concat([header, payload])
}

const table = Buffer.from('000010000601001600010400170001ff', 'hex')

/** VERSION 9.0.1399.0, this ENCRYPTION, and MARS: [MS-TDS] section 2.2.6.5. */
export const preloginResponse = (encryption: number): Buffer =>
  packet(Buffer.concat([table, Buffer.from([9, 0, 0x05, 0x77, 0, 0, encryption, 0])]))
