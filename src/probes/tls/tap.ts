import { Duplex } from 'node:stream'
import { endingOf } from '../network/wire.ts'
import { firstBytesKept } from './first-bytes.ts'

/** What carries the records of TLS: a paused connection, or a stream over one. */
export interface TlsCarrier {
  socket: Duplex
  /** Milliseconds that the connect took. */
  connectMs: number
}

/** A stream over a socket that records its first bytes and its end. */
export interface Tap {
  stream: Duplex
  /** The peer's first bytes, enough to recognize the protocol. */
  first: Buffer
  /** How the peer's side ended; undefined while it is open. */
  ended?: 'closed' | 'reset' | 'timed-out' | 'too-large'
}

interface TapOptions {
  /** Maximum bytes from the peer; one more destroys the connection. */
  maxBytes: number
  /** Called with the first bytes until true; only then does the reader get them. */
  admit: (first: Buffer) => boolean
  /** Receives all admitted bytes in order. */
  watch?: (bytes: Buffer) => void
}

/** Whether the peer ended the connection. */
export const isClosed = ({ ended }: Tap): boolean => ended === 'closed' || ended === 'reset'

/** Takes over an established socket; destroying the stream destroys it. */
export function tapSocket(socket: Duplex, options: TapOptions): Tap {
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (bytes, _encoding, done) => void socket.write(bytes, done),
    final: (done) => void (socket.destroyed ? done() : socket.end(done)),
    destroy: (error, done) => {
      socket.destroy()
      done(error)
    },
  })
  stream.on('error', () => {}) // the reader handles it, if there still is one
  const tap: Tap = { stream, first: Buffer.alloc(0) }
  socket.on(
    'data',
    receive(tap, options, () => socket.pause()),
  )
  socket.on('end', () => {
    tap.ended ??= 'closed'
    stream.push(null)
  })
  socket.on('error', (error) => {
    tap.ended ??= endingOf(error) === 'protocol-timeout' ? 'timed-out' : 'reset'
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
