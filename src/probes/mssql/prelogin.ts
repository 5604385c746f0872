import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { MssqlFacts } from '../../domain/protocols/mssql.ts'
import { explainNoRecord, isRecord, takeRecord } from '../network/record.ts'
import type { Wire } from '../network/wire.ts'
import { encodePackets, framing } from './packet.ts'

type Facts = NonNullable<MssqlFacts['mssql']>

/** [MS-TDS] section 2.2.6.5. */
const options = { version: 0, encryption: 1, instance: 2, threadId: 3, mars: 4 } as const
const terminator = 0xff
const optionBytes = 5
const encryptOff = 0

/**
 * PRELOGIN of a client that encrypts its login and does not demand more: the response says whether the server demands
 * more, or supports nothing.
 */
const request: Buffer = encodePackets(
  encodeOptions([
    [options.version, Buffer.alloc(6)],
    [options.encryption, Buffer.of(encryptOff)],
    [options.instance, Buffer.of(0)],
    [options.threadId, Buffer.alloc(4)],
    [options.mars, Buffer.of(0)],
  ]),
)

function encodeOptions(values: readonly (readonly [token: number, value: Buffer])[]): Buffer {
  const table = Buffer.alloc(values.length * optionBytes + 1, terminator)
  let at = table.length
  for (const [index, [token, value]] of values.entries()) {
    table.writeUInt8(token, index * optionBytes)
    table.writeUInt16BE(at, index * optionBytes + 1)
    table.writeUInt16BE(value.length, index * optionBytes + 3)
    at += value.length
  }
  return Buffer.concat([table, ...values.map(([, value]) => value)])
}

/** What the server says, or why it says nothing; `sentTls`: its first bytes are TLS. */
export type Prelogin =
  | { facts: Facts; reason?: never; spoke?: never; sentTls?: never }
  | { facts?: never; reason: ReasonCode; spoke?: MssqlFacts['spoke']; sentTls: boolean }

const tlsAlert = 21

/** Sends PRELOGIN and reads the response. */
export async function exchangePrelogin(wire: Wire): Promise<Prelogin> {
  wire.send(request)
  const record = await takeRecord(wire, framing)
  if (!isRecord(record)) return { ...explainNoRecord(record), sentTls: record.bytes[0] === tlsAlert }
  const facts = readOptions(record.body)
  return facts ? { facts } : { reason: 'protocol-violation', sentTls: false }
}

const encryptions = { 0: 'optional', 1: 'required', 2: 'not-supported', 3: 'required' } as const
/** ENCRYPT_EXT and ENCRYPT_CLIENT_CERT stand beside the value. */
const encryptionMask = 0x1f

/** The options of a response; undefined without its version and encryption, which every server sends. */
function readOptions(body: Buffer): Facts | undefined {
  const version = optionOf(body, options.version)
  const value = optionOf(body, options.encryption)?.[0]
  if (version?.length !== 6 || value === undefined) return undefined
  const encryption = encryptions[(value & encryptionMask) as keyof typeof encryptions]
  if (!encryption) return undefined
  const [major, minor] = version
  return { version: `${major}.${minor}.${version.readUInt16BE(2)}.${version.readUInt16BE(4)}`, encryption }
}

function optionOf(body: Buffer, wanted: number): Buffer | undefined {
  for (let at = 0; at + optionBytes <= body.length && body[at] !== terminator; at += optionBytes) {
    const [offset, length] = [body.readUInt16BE(at + 1), body.readUInt16BE(at + 3)]
    if (body[at] === wanted) return offset + length <= body.length ? body.subarray(offset, offset + length) : undefined
  }
  return undefined
}
