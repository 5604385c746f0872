import { connect, createServer } from 'node:net'
import { listen } from './listen.ts'
import { asPeer, type Peer } from './peers/peer.ts'

interface SlowFront extends Peer {
  host: string
  port: number
  /** The number of connections so far. */
  accepted: () => number
}

interface Address {
  host: string
  port: number
}

/** Accepts connections immediately, and reaches the server behind it only after a delay; `server` may choose one for each connection. */
export async function startSlowFront(server: Address | (() => Address), delayMs: number): Promise<SlowFront> {
  const front = createServer((from) => {
    from.on('error', () => {})
    const timer = setTimeout(() => {
      const to = connect(typeof server === 'function' ? server() : server)
      from.on('close', () => to.destroy()).pipe(to)
      to.on('error', () => from.destroy())
        .on('close', () => from.destroy())
        .pipe(from)
    }, delayMs)
    from.on('close', () => clearTimeout(timer))
  })
  const { host, port, accepted, close } = await listen(front)
  return asPeer({ host, port, accepted }, close)
}
