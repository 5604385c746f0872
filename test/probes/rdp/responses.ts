/** X.224 Connection Confirm of Windows with a structure of the negotiation, [MS-RDPBCGR] section 4.1.2. */
const confirm = (type: number, flags: number, value: number): Buffer =>
  Buffer.from([3, 0, 0, 0x13, 0x0e, 0xd0, 0, 0, 0x12, 0x34, 0, type, flags, 8, 0, value, 0, 0, 0])

const windowsFlags = 0x1f
/** RDP_NEG_RSP. */
export const selection = (protocol: number): Buffer => confirm(2, windowsFlags, protocol)
/** RDP_NEG_FAILURE. */
export const refusal = (code: number): Buffer => confirm(3, 0, code)
/** Of Windows before the negotiation. */
export const plainConfirm: Buffer = Buffer.from('0300000b06d00000123400', 'hex')

const requestedAt = 15
/** A Windows server that accepts these protocols, in descending order, and refuses all others with a code. */
export const windows =
  (accepted: readonly number[], code: number) =>
  (request: Buffer): Buffer => {
    const requested = request.readUInt32LE(requestedAt)
    const best = accepted.find((one) => (one === 0 ? requested === 0 : (requested & one) !== 0))
    return best === undefined ? refusal(code) : selection(best)
  }
