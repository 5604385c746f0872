import { expect, test } from 'vitest'
import { tryVersions } from '../../../src/probes/tls/versions.ts'
import { type Step, startHostile } from '../../support/peers/hostile.ts'
import { probeIo } from '../../support/probe-io.ts'

const alert = (number: number) => Buffer.of(21, 3, 1, 0, 2, 2, number)

/** A ServerHello for a cipher. */
function serverHello(version: number, cipher: number): Buffer {
  const body = Buffer.concat([Buffer.of(3, version), Buffer.alloc(32, 7), Buffer.of(0, cipher >> 8, cipher & 0xff, 0)])
  const message = Buffer.concat([Buffer.of(2, 0, 0, body.length), body])
  return Buffer.concat([Buffer.of(22, 3, version, 0, message.length), message])
}

const tripleDes = 0x000a

/** Responds like a server with only 3DES; the ciphers follow version, random and an empty session id. */
function onlyTripleDes(hello: Buffer): Buffer {
  const version = hello[10] ?? 0
  const at = 44 + (hello[43] ?? 0)
  const ciphers = hello.subarray(at + 2, at + 2 + hello.readUInt16BE(at))
  const offered = Array.from({ length: ciphers.length / 2 }, (_, index) => ciphers.readUInt16BE(2 * index))
  return offered.includes(tripleDes) ? serverHello(version, tripleDes) : alert(40)
}

async function versionsOf(script: Step[], versions = ['TLSv1', 'TLSv1.1', 'TLSv1.2']) {
  await using peer = await startHostile(script)
  const endpoint = { host: 'old.lab.test', address: peer.host, port: peer.port }
  return await tryVersions(endpoint, versions, { protocol: 'TLSv1.3' }, probeIo())
}

test('a server with only ciphers that our OpenSSL lacks accepts the version', async () => {
  const accepted = { TLSv1: 'accepted', 'TLSv1.1': 'accepted', 'TLSv1.2': 'accepted' }
  expect(await versionsOf([{ reply: onlyTripleDes }, 'hang'])).toEqual(accepted)
})

test('a server that refuses the old ciphers too refuses the version', async () => {
  const refused = { TLSv1: 'refused', 'TLSv1.1': 'refused', 'TLSv1.2': 'refused' }
  for (const number of [40, 70, 71]) expect(await versionsOf([{ reply: () => alert(number) }, 'end'])).toEqual(refused)
})

test('a server that responds with another version refuses the offered one', async () => {
  expect(await versionsOf([{ reply: () => serverHello(1, 0xc013) }, 'hang'], ['TLSv1.2'])).toEqual({
    'TLSv1.2': 'refused',
  })
})
