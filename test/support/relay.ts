import { connect, createServer, type Socket } from 'node:net'
import { listen } from './listen.ts'

/** A relay to a server that can be interrupted, for outage tests. */
export interface Relay {
  /** The given URL, through the relay. */
  url: string
  /** Breaks every current and later connection. */
  cut(): void
  mend(): void
  /** Open connections no longer reach the server, not even with their end. */
  hold(): void
  /** The number of open connections. */
  open(): number
  /** Connections that were broken on arrival. */
  refused(): number
  stop(): Promise<void>
}

export async function startRelay(url: string): Promise<Relay> {
  const { hostname, port } = new URL(url)
  const open = new Map<Socket, Socket>()
  let isCut = false
  let refused = 0
  const server = createServer((from) => {
    if (isCut) {
      refused += 1
      from.on('error', () => {}).destroy()
      return
    }
    const to = connect({ host: hostname, port: Number(port || 5432) })
    open.set(from, to)
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      one
        .on('error', () => {})
        .once('close', () => {
          open.delete(from)
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
    for (const pair of open) for (const socket of pair) socket.destroy()
  }
  return {
    url: relayed.href,
    cut,
    mend: () => {
      isCut = false
    },
    hold: () => {
      for (const [from, to] of open) from.unpipe(to)
    },
    open: () => open.size,
    refused: () => refused,
    stop: async () => {
      cut()
      await listening.close()
    },
  }
}
