import { once } from 'node:events'
import net from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { TLSSocket } from 'node:tls'
import { listen } from '../listen.ts'
import { type At, asPeer, type Peer } from './peer.ts'

type Bytes = string | Uint8Array

interface Identity {
  cert: string
  key: string
  ALPNProtocols?: string[]
}

/** One thing that a peer does with each of its connections, after the step before is done. */
export type Step =
  | { send: Bytes }
  /** One byte at a time, with a pause after each. */
  | { drip: Bytes; everyMs: number }
  /** Waits until the client has sent this many bytes more. */
  | { receive: number }
  /** Waits for bytes and sends the result of this function. */
  | { reply: (received: Buffer) => Bytes }
  | { pauseMs: number }
  /** Becomes a TLS server (PEM texts); the steps that follow happen inside TLS. */
  | { upgrade: Identity }
  /** Passes everything on to this server from now on. */
  | { relay: { host: string; port: number } }
  /** Does nothing until the client goes. */
  | 'hang'
  /** FIN. */
  | 'end'
  /** RST. */
  | 'reset'
  /** From the first step on again, without end. */
  | 'repeat'

const script = (...steps: Step[]): Step[] => steps

/** The usual kinds of bad behaviour, as scripts. */
export const hostile = {
  /** Accepts and says nothing. */
  silent: script('hang'),
  banner: (text: Bytes) => script({ send: text }, 'hang'),
  drip: (bytes: Bytes = 'a', everyMs = 5) => script({ drip: bytes, everyMs }, 'repeat'),
  flood: (bytes: Bytes = 'a'.repeat(65_536)) => script({ send: bytes }, 'repeat'),
  /** Bytes of no protocol, the same in every run. */
  garbage: script({ send: noise(4_096) }, 'hang'),
  /**
   * Sends the first bytes of a recorded response, then RST. `afterReceiving`: for protocols in which the client begins.
   * Without the pause a client in the same process would see the RST before it sees that it is connected.
   */
  resetAt: (recorded: Uint8Array, bytes: number, { afterReceiving = 0, pauseMs = 10 } = {}) =>
    script({ receive: afterReceiving }, { send: recorded.subarray(0, bytes) }, { pauseMs }, 'reset'),
  http: script(
    { receive: 1 },
    { send: 'HTTP/1.1 400 Bad Request\r\nServer: peer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' },
    'end',
  ),
  smtp: script({ send: '220 mail.lab.test ESMTP peer\r\n' }, 'hang'),
  ssh: script({ send: 'SSH-2.0-OpenSSH_9.2p1 peer\r\n' }, 'hang'),
}

export interface HostilePeer extends Peer {
  host: string
  port: number
  /** What each connection has sent so far, in the order in which they came; after an `upgrade`, what TLS carried. */
  received: readonly Buffer[]
  openSockets: () => number
}

/** A TCP peer that goes through `steps` with every connection. `repeat` needs a step that waits or sends before it. */
export async function startHostile(steps: readonly Step[], at: At = {}): Promise<HostilePeer> {
  const received: Buffer[] = []
  const server = net.createServer((socket) => {
    const index = received.push(Buffer.alloc(0)) - 1
    const record = (bytes: Buffer) => {
      received[index] = Buffer.concat([received[index] ?? bytes, bytes])
    }
    perform(steps, conversation(socket, record)).catch(() => socket.destroy()) // the client went away
  })
  const { host, port, openSockets, close } = await listen(server, at.host, at.port)
  return asPeer({ host, port, received, openSockets }, close)
}

interface Conversation {
  socket: net.Socket
  /** Takes this many bytes as soon as they have come; without a number: all that has come, at least one. */
  take: (count?: number) => Promise<Buffer>
  /** Stops listening; gives what was not taken. */
  leave: () => Buffer
  record: (bytes: Buffer) => void
}

function conversation(socket: net.Socket, record: (bytes: Buffer) => void): Conversation {
  let unread = Buffer.alloc(0)
  let wake = () => {}
  socket.on('error', () => {}) // resets are the daily bread here
  socket.once('close', () => wake())
  socket.on('data', (bytes: Buffer) => {
    unread = Buffer.concat([unread, bytes])
    record(bytes)
    wake()
  })
  const cut = (count: number) => {
    const taken = unread.subarray(0, count)
    unread = unread.subarray(count)
    return taken
  }
  const take = async (count?: number) => {
    while (unread.length < (count ?? 1)) {
      if (socket.destroyed) throw new Error('the client is gone')
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    return cut(count ?? unread.length)
  }
  const leave = () => {
    socket.removeAllListeners('data').pause()
    return cut(unread.length)
  }
  return { socket, take, leave, record }
}

async function perform(steps: readonly Step[], start: Conversation): Promise<void> {
  let talk = start
  for (let index = 0; index < steps.length; index += 1) {
    const step = steps[index]
    if (step === 'repeat') index = -1
    else if (step === 'hang') await gone(talk.socket)
    else if (step === 'end') talk.socket.end()
    else if (step === 'reset') start.socket.resetAndDestroy()
    else if (step && 'send' in step) await write(talk.socket, step.send)
    else if (step && 'drip' in step) await drip(talk.socket, step)
    else if (step && 'pauseMs' in step) await pause(step.pauseMs)
    else if (step && 'receive' in step) await talk.take(step.receive)
    else if (step && 'reply' in step) await write(talk.socket, step.reply(await talk.take()))
    else if (step && 'relay' in step) await relay(talk, step.relay)
    else if (step) talk = await upgrade(talk, step.upgrade)
  }
}

async function drip(socket: net.Socket, { drip: bytes, everyMs }: { drip: Bytes; everyMs: number }): Promise<void> {
  for (const byte of Buffer.from(bytes)) {
    await write(socket, Buffer.of(byte))
    await pause(everyMs)
  }
}

/** Resolves when the bytes are handed to the system, so that a script waits for a client that reads slowly. */
function write(socket: net.Socket, bytes: Bytes): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}

async function gone(socket: net.Socket): Promise<void> {
  if (!socket.destroyed) await once(socket, 'close')
}

async function relay(talk: Conversation, { host, port }: { host: string; port: number }): Promise<void> {
  const upstream = net.connect(port, host)
  upstream.write(talk.leave())
  await Promise.all([pipeline(talk.socket, upstream), pipeline(upstream, talk.socket)])
}

async function upgrade(plain: Conversation, identity: Identity): Promise<Conversation> {
  const early = plain.leave()
  // The client's hello may have come already: put back, the TLS socket reads it from there.
  if (early.length > 0) plain.socket.unshift(early)
  const secure = new TLSSocket(plain.socket, { isServer: true, ...identity })
  const talk = conversation(secure, plain.record)
  await once(secure, 'secure')
  return talk
}

function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = 0x9e3779b9
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0 // Numerical Recipes' generator: any fixed one will do
    bytes[index] = state >>> 24
  }
  return bytes
}
