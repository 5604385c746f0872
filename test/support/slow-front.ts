import { connect, createServer } from 'node:net'
import { listen } from './listen.ts'
import { asPeer, type Peer } from './peers/peer.ts'

interface SlowFront extends Peer {
  host: string
  port: number
  /** The number of connections so far. */
  accepted: () => number
}

/** Accepts connections immediately, and reaches the server behind it only after a delay. */
export async function startSlowFront(server: { host: string; port: number }, delayMs: number): Promise<SlowFront> {
  const front = createServer((from) => {
    from.on('error', () => {})
    const timer = setTimeout(() => {
      const to = connect(server)
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
