import { connect, createServer, type Socket } from 'node:net'
import { listen } from './listen.ts'

/** A way to a server that can be cut: for tests of what happens while the server is away. */
export interface Relay {
  /** The given URL, by way of the relay. */
  url: string
  /** Breaks every connection, and from now on each one that comes. */
  cut(): void
  mend(): void
  /** Connections that were broken as they came. */
  refused(): number
  stop(): Promise<void>
}

export async function startRelay(url: string): Promise<Relay> {
  const { hostname, port } = new URL(url)
  const open = new Set<Socket>()
  let isCut = false
  let refused = 0
  const server = createServer((from) => {
    if (isCut) {
      refused += 1
      from.on('error', () => {}).destroy()
      return
    }
    const to = connect({ host: hostname, port: Number(port || 5432) })
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      open.add(one)
      one
        .on('error', () => {})
        .once('close', () => {
          open.delete(one)
          other.destroy()
        })
      one.pipe(other)
    }
  })
  const listening = await listen(server)
  const relayed = new URL(url)
  relayed.host = `${listening.host}:${listening.port}`
  const cut = () => {
    isCut = true
    for (const socket of open) socket.destroy()
  }
  return {
    url: relayed.href,
    cut,
    mend: () => {
      isCut = false
    },
    refused: () => refused,
    stop: async () => {
      cut()
      await listening.close()
    },
  }
}
