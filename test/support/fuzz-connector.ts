import net from 'node:net'
import { openConnector } from '../../src/probes/network/connector/open.ts'

/** Attempts by chance with a connector by system calls. Returns how they ended. */
export async function fuzzConnector(attempts: number): Promise<Record<string, number>> {
  const log = (reason: string) => {
    throw new Error(reason)
  }
  const connector = await openConnector({ kind: 'auto', attempts: 200, log })
  const server = net.createServer((peer) => peer.on('error', () => {}).end('x'.repeat(100)))
  await new Promise<void>((resolve) => server.listen(0, '::', resolve))
  const { port: open } = server.address() as net.AddressInfo
  const pick = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)] as T
  const tally: Record<string, number> = {}
  let left = attempts
  const work = async () => {
    while (left-- > 0) {
      const stop = new AbortController()
      const running = connector.connect(
        {
          address: pick(['127.0.0.1', '::1', '127.3.2.1', '0.0.0.0', '::', '255.255.255.255', '224.0.0.1', 'ff02::1']),
          port: pick([open, open, 1, 2, 65_535]),
          timeoutMs: pick([0, 1, 5_000]),
          keep: Math.random() < 0.3,
          ttl: pick([undefined, 1, 64, 255, 256]),
        },
        stop.signal,
      )
      if (Math.random() < 0.2) stop.abort()
      const { outcome, socket } = await running
      if (socket && Math.random() < 0.5) socket.resetAndDestroy()
      else socket?.destroy()
      tally[outcome] = (tally[outcome] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: 300 }, work))
  await connector.close()
  await new Promise((resolve) => server.close(resolve))
  return tally
}
