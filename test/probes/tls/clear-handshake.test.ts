import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readClearHandshake } from '../../../src/probes/tls/clear-handshake.ts'

const record = (type: number, ...body: number[]) => Buffer.of(type, 3, 3, body.length >> 8, body.length & 255, ...body)
const message = (type: number, ...body: number[]) => [type, 0, body.length >> 8, body.length & 255, ...body]
const random = Array.from({ length: 32 }, () => 5)
const hello = (version: number, ...extensions: number[]) =>
  message(
    2,
    3,
    version,
    ...random,
    0,
    0xc0,
    0x2f,
    0,
    ...(extensions.length > 0 ? [0, extensions.length] : []),
    ...extensions,
  )

const flight = Buffer.concat([
  record(22, ...hello(3)),
  record(22, ...message(11, 0, 0, 7, 0, 0, 1, 0xaa, 0, 0, 0).slice(0, 9)), // one message in two records
  record(22, ...message(11, 0, 0, 7, 0, 0, 1, 0xaa, 0, 0, 0).slice(9)),
  record(21, 1, 112), // a warning
  record(22, ...message(13), ...message(14)), // two messages in one record
  record(21, 2, 40),
])

function read(bytes: Buffer, pieces: readonly number[] = []) {
  const { seen, read: take } = readClearHandshake()
  const ends = [...new Set(pieces.map((piece) => piece % (bytes.length + 1)))].sort((a, b) => a - b)
  let at = 0
  for (const end of [...ends, bytes.length]) {
    take(bytes.subarray(at, end))
    at = end
  }
  return seen
}

test('version, certificates, certificate request and fatal alert are read, in chunks of any size', () => {
  const seen = read(flight)
  expect(seen).toEqual({
    version: 'TLSv1.2',
    chain: [Buffer.of(0xaa), Buffer.alloc(0)],
    certificateRequested: true,
    alert: 40,
  })
  fc.assert(fc.property(fc.array(fc.nat()), (pieces) => void expect(read(flight, pieces)).toEqual(seen)))
})

test.each([
  ['SSLv3', hello(0)],
  ['TLSv1', hello(1)],
  ['TLSv1.1', hello(2)],
  ['TLSv1.3', hello(3, 0, 51, 0, 1, 9, 0, 43, 0, 2, 3, 4)],
])('a ServerHello of %s', (version, body) => {
  expect(read(record(22, ...body)).version).toBe(version)
})

test('encrypted records are not read', () => {
  const encrypted = record(22, ...message(13))
  const changed = Buffer.concat([record(22, ...hello(3)), record(20, 1), encrypted, record(21, 2, 40)])
  expect(read(changed)).toEqual({ version: 'TLSv1.2', chain: [], certificateRequested: false })
})

test('any bytes are read without an exception', () => {
  const start = fc.constantFrom(Buffer.alloc(0), flight.subarray(0, 5), flight.subarray(0, 20), flight.subarray(0, 60))
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (head, tail) => void read(Buffer.concat([head, tail]))),
  )
})
