import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { describe, expect, test } from 'vitest'
import { describeWithPeers } from './available.ts'
import { type HostilePeer, hostile, type Step, startHostile } from './hostile.ts'
import { tlsCertificate } from './tls.ts'

interface Received {
  bytes: Buffer
  ending: 'end' | 'enough' | string
}

/** Says `greeting` to a peer and reads until it ends, or until `enough` bytes have come. */
async function converse({ host, port }: HostilePeer, greeting: string, enough = Infinity): Promise<Received> {
  const socket = net.connect({ host, port })
  const chunks: Buffer[] = []
  let length = 0
  socket.write(greeting)
  return new Promise((resolve) => {
    const settle = (ending: string) => {
      socket.destroy()
      resolve({ bytes: Buffer.concat(chunks), ending })
    }
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length >= enough) settle('enough')
    })
    socket.once('end', () => settle('end'))
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? ''))
  })
}

describe('hostile peers', () => {
  const recorded = Buffer.from('SSH-2.0-recorded\r\n')
  test.each<{ name: string; script: Step[]; enough?: number; begins: string; ending: string }>([
    {
      name: 'a banner and then nothing',
      script: hostile.banner('hello\r\n'),
      enough: 7,
      begins: 'hello\r\n',
      ending: 'enough',
    },
    { name: 'a drip', script: hostile.drip('ab', 1), enough: 5, begins: 'ababa', ending: 'enough' },
    { name: 'a flood', script: hostile.flood(), enough: 1_000_000, begins: 'aaaaaaaa', ending: 'enough' },
    { name: 'garbage', script: hostile.garbage, enough: 4_096, begins: '', ending: 'enough' },
    { name: 'a reset after some bytes', script: hostile.resetAt(recorded, 7), begins: 'SSH-2.0', ending: 'ECONNRESET' },
    { name: 'HTTP', script: hostile.http, begins: 'HTTP/1.1 400', ending: 'end' },
    { name: 'SMTP', script: hostile.smtp, enough: 4, begins: '220 ', ending: 'enough' },
    { name: 'SSH', script: hostile.ssh, enough: 8, begins: 'SSH-2.0-', ending: 'enough' },
    {
      name: 'a response to received bytes',
      script: [{ reply: (got) => `${got}!` }, 'end'],
      begins: 'hi!',
      ending: 'end',
    },
  ])('can be $name', async ({ script, enough, begins, ending }) => {
    await using peer = await startHostile(script)
    const response = await converse(peer, 'hi', enough)
    expect(response.bytes.toString('latin1').slice(0, begins.length)).toBe(begins)
    expect(response.ending).toBe(ending)
  })

  test('can be silent, and hear what is said', async () => {
    await using peer = await startHostile(hostile.silent)
    const socket = net.connect(peer.port, peer.host).end('anybody there?')
    socket.resume()
    await once(socket, 'close')
    expect(peer.received.map(String)).toEqual(['anybody there?'])
    expect(socket.bytesRead).toBe(0)
  })
})

describeWithPeers(['openssl'], 'a hostile peer inside TLS', () => {
  test('goes on with its script after a plaintext prelude', async () => {
    const { cert, key } = await tlsCertificate('good')
    const script: Step[] = [
      { reply: () => 'go ahead' },
      { upgrade: { cert, key } },
      { reply: (got) => `secretly ${got}` },
    ]
    await using peer = await startHostile(script)
    const plain = net.connect(peer.port, peer.host)
    plain.write('STARTTLS')
    await once(plain, 'data')
    const secure = tls.connect({ socket: plain, rejectUnauthorized: false })
    secure.write('hi')
    const [response] = await once(secure, 'data')
    expect(String(response)).toBe('secretly hi')
    expect(String(peer.received[0])).toBe('STARTTLShi')
    secure.destroy()
  })
})
