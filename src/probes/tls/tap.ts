import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { firstBytesKept } from './first-bytes.ts'

/** A socket with an ear at it: a duplex for the protocol's client above, and what came from below. */
export interface Tap {
  stream: Duplex
  /** The first bytes that the peer sent, as many as it takes to recognize what it speaks. */
  first: Buffer
  /** How the peer's side ended; undefined while it has not. */
  ended?: 'closed' | 'reset' | 'timed-out' | 'too-large'
}

interface TapOptions {
  /** All that the peer may send; the byte after it destroys the connection. */
  maxBytes: number
  /** Asked with the first bytes, until it is true: only then do they go on to the reader. */
  admit: (first: Buffer) => boolean
  /** Sees all bytes that go on, in order. */
  watch?: (bytes: Buffer) => void
}

/** Taps an established socket, paused or not, and takes it over: destroying the stream destroys the socket. */
export function tapSocket(socket: Socket, options: TapOptions): Tap {
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (bytes, _encoding, done) => void socket.write(bytes, done),
    final: (done) => void (socket.destroyed ? done() : socket.end(done)),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  stream.on('error', () => {}) // the reader above hears of it too, or has gone
  const tap: Tap = { stream, first: Buffer.alloc(0) }
  socket.on(
    'data',
    receive(tap, options, () => socket.pause()),
  )
  socket.on('end', () => {
    tap.ended ??= 'closed'
    stream.push(null)
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    tap.ended ??= error.code === 'ETIMEDOUT' ? 'timed-out' : 'reset'
    stream.destroy(error)
  })
  const close = () => {
    tap.ended ??= 'closed'
    if (!stream.readableEnded && tap.ended === 'closed') stream.push(null)
    else stream.destroy()
  }
  socket.on('close', close)
  if (socket.closed || socket.readableEnded) queueMicrotask(close)
  else socket.resume()
  return tap
}

function receive(tap: Tap, { maxBytes, admit, watch }: TapOptions, pause: () => void): (bytes: Buffer) => void {
  let left = maxBytes
  let held: Buffer[] = []
  let admitted = false
  return (bytes) => {
    left -= bytes.length
    if (left < 0) {
      tap.ended ??= 'too-large'
      tap.stream.destroy(new Error('the peer sent more than the probe accepts'))
      return
    }
    if (tap.first.length < firstBytesKept) tap.first = Buffer.concat([tap.first, bytes]).subarray(0, firstBytesKept)
    held.push(bytes)
    admitted ||= admit(tap.first)
    if (!admitted) return
    const released = held
    held = []
    for (const part of released) {
      watch?.(part)
      if (!tap.stream.push(part)) pause()
    }
  }
}
