import type { Socket } from 'node:net'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Deadline } from '../engine/deadline.ts'

/** Why the peer sends no more bytes. */
export type Ending = Extract<
  ReasonCode,
  | 'connection-closed'
  | 'connection-reset'
  | 'protocol-timeout'
  | 'response-too-large'
  | 'local-resources'
  | 'local-failure'
>

/** Ordered bytes of one connection, under one deadline and one size limit. */
export interface Wire {
  /** The next `count` bytes, or why there are none. */
  take(count: number): Promise<Buffer | Ending>
  /** The next line without CR LF or LF; `not-a-line` if it contains NUL or exceeds `maxBytes`. */
  takeLine(maxBytes: number): Promise<Buffer | Ending | 'not-a-line'>
  /** Received bytes that were not taken. */
  rest(): Buffer
  /** Sends unless the connection has ended. */
  send(bytes: Buffer): void
  /** Stops reading and leaves the open socket paused to the next reader; true if bytes came that were not taken. */
  release(): boolean
  /** Sends the last message if possible, closes with FIN, and waits for the close. */
  close(lastMessage?: Buffer): Promise<void>
}

const endingByCode: Record<string, Ending> = {
  ECONNRESET: 'connection-reset',
  EPIPE: 'connection-reset',
  ETIMEDOUT: 'protocol-timeout',
  EHOSTUNREACH: 'protocol-timeout',
  ENETUNREACH: 'protocol-timeout',
  ENOBUFS: 'local-resources',
  ENOMEM: 'local-resources',
}

/** Why a connection ended with this error; a lost path is silence, not an act of the peer. */
export const endingOf = ({ code = '' }: NodeJS.ErrnoException): Ending => endingByCode[code] ?? 'local-failure'

/** Takes over a connected, paused socket and reads at most `maxBytes`. */
export function openWire(socket: Socket, deadline: Deadline, maxBytes: number): Wire {
  const inbox = createInbox()
  let received = 0
  let ending: Ending | undefined
  let wake = () => {}
  const ended = Promise.withResolvers<void>()
  const end = (reason: Ending) => {
    ending ??= reason
    ended.resolve()
    wake()
  }
  const cancelExpiry = deadline.onExpiry(() => end('protocol-timeout'))
  socket.setNoDelay(true)
  socket.on('error', (error) => end(endingOf(error)))
  socket.on('close', () => end('connection-closed'))
  socket.on('end', () => end('connection-closed'))
  const receive = (chunk: Buffer) => {
    received += chunk.length
    if (ending) return
    if (received > maxBytes) return end('response-too-large')
    inbox.append(chunk)
    wake()
  }
  socket.on('data', receive)
  socket.resume()

  const more = () =>
    new Promise<void>((resolve) => {
      wake = resolve
    })
  return {
    async take(count) {
      while (inbox.length() < count) {
        if (ending) return ending
        await more()
      }
      return inbox.take(count)
    },
    async takeLine(maxLineBytes) {
      for (;;) {
        const unread = inbox.peek()
        const lineFeed = unread.indexOf(0x0a)
        const lineBytes = lineFeed === -1 ? unread.length : lineFeed
        if (lineBytes > maxLineBytes || unread.subarray(0, lineBytes).includes(0)) return 'not-a-line'
        if (lineFeed !== -1) return withoutCarriageReturn(inbox.take(lineFeed + 1).subarray(0, lineFeed))
        if (ending) return ending
        await more()
      }
    },
    rest: inbox.peek,
    send(bytes) {
      if (!ending) socket.write(bytes)
    },
    release() {
      cancelExpiry()
      socket.off('data', receive).pause()
      return inbox.length() > 0 || socket.readableLength > 0
    },
    async close(lastMessage) {
      if (lastMessage && !ending) {
        const flushed = new Promise<void>((resolve) => socket.end(lastMessage, resolve))
        await Promise.race([flushed, ended.promise])
      }
      cancelExpiry()
      await destroyed(socket)
    },
  }
}

function destroyed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) return resolve()
    socket.once('close', () => resolve())
    socket.destroy()
  })
}

const withoutCarriageReturn = (line: Buffer) => (line.at(-1) === 0x0d ? line.subarray(0, -1) : line)

/** A doubling buffer, so that single bytes cost neither an object nor a full copy each. */
function createInbox() {
  let bytes: Buffer = Buffer.alloc(0)
  let start = 0
  let end = 0
  return {
    length: () => end - start,
    peek: () => bytes.subarray(start, end),
    append(chunk: Buffer) {
      if (start === end) {
        bytes = chunk
        start = 0
        end = chunk.length
        return
      }
      if (end + chunk.length > bytes.length) {
        const larger = Buffer.allocUnsafe(2 * (end + chunk.length))
        bytes.copy(larger, 0, 0, end)
        bytes = larger
      }
      end += chunk.copy(bytes, end)
    },
    take(count: number) {
      start += count
      return bytes.subarray(start - count, start)
    },
  }
}
