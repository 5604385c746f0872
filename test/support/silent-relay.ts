import { connect, createServer, type Socket } from 'node:net'
import { listen } from './listen.ts'

/** A relay to a server at an address that can move, as the virtual address of a cluster does. */
export interface SilentRelay extends AsyncDisposable {
  /** The given URL, through the relay. */
  url: string
  /** Open connections stay acknowledged, but carry nothing any more; new ones work. The server keeps its end of the old ones. */
  fail(): void
  /** Open connections that carry data, and connections that do not any more. */
  open(): { live: number; dead: number }
}

export async function startSilentRelay(url: string): Promise<SilentRelay> {
  const { hostname, port } = new URL(url)
  const live = new Map<Socket, Socket>()
  const dead = new Set<Socket>()
  const server = createServer((from) => {
    const to = connect({ host: hostname, port: Number(port || 5432) })
    live.set(from, to)
    const forget = () => {
      if (live.delete(from)) to.destroy()
      dead.delete(from)
    }
    from.on('error', () => {}).on('close', forget)
    to.on('error', () => {}).on('close', () => live.has(from) && from.destroy())
    from.pipe(to)
    to.pipe(from)
  })
  const ends = new Set<Socket>()
  const listening = await listen(server)
  const relayed = new URL(url)
  relayed.host = `${listening.host}:${listening.port}`
  return {
    url: relayed.href,
    fail() {
      for (const [from, to] of live) {
        from.unpipe(to)
        to.unpipe(from)
        from.resume() // the kernel goes on to acknowledge
        to.resume()
        dead.add(from)
        ends.add(to)
      }
      live.clear()
    },
    open: () => ({ live: live.size, dead: dead.size }),
    async [Symbol.asyncDispose]() {
      await listening.close()
      for (const to of ends) to.destroy()
    },
  }
}
