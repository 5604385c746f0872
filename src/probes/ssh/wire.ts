import type { Socket } from 'node:net'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Deadline } from '../engine/deadline.ts'

/** Why no more bytes come from the peer. */
export type Ending = Extract<
  ReasonCode,
  | 'connection-closed'
  | 'connection-reset'
  | 'protocol-timeout'
  | 'response-too-large'
  | 'local-resources'
  | 'local-failure'
>

/** The bytes of one connection in the order in which they came, read under one deadline and one cap. */
export interface Wire {
  /** The next `count` bytes, or why they do not come. */
  take(count: number): Promise<Buffer | Ending>
  /** The next line without its CR LF or LF; `not-a-line` when it holds a NUL or has more than `maxBytes` bytes. */
  takeLine(maxBytes: number): Promise<Buffer | Ending | 'not-a-line'>
  /** What came and was not taken. */
  rest(): Buffer
  /** Sends, unless the connection has ended. */
  send(bytes: Buffer): void
  /** Sends the last words when the peer can still hear them, closes with FIN, and resolves when the socket is gone. */
  close(lastWords?: Buffer): Promise<void>
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

/** Takes over a connected, paused socket; a peer that sends more than `maxBytes` in all is not heard any further. */
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
  socket.on('error', (error: NodeJS.ErrnoException) => end(endingByCode[error.code ?? ''] ?? 'local-failure'))
  socket.on('close', () => end('connection-closed'))
  socket.on('end', () => end('connection-closed'))
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (ending) return
    if (received > maxBytes) return end('response-too-large')
    inbox.append(chunk)
    wake()
  })
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
    async close(lastWords) {
      if (lastWords && !ending) {
        const flushed = new Promise<void>((resolve) => socket.end(lastWords, resolve))
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

/** One buffer that doubles: a peer that sends single bytes costs neither an object per byte nor a copy of all per byte. */
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
