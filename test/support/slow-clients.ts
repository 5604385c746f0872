import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** What a client says at first, and then, every now and then, to seem alive. */
export interface Slowness {
  first: string
  drip?: string
  /** It reads nothing of the answer. */
  deaf?: boolean
}

const everyMs = 500

/** Opens so many connections that are slow on purpose; answers how to see how many are still open, and how to end them. */
export async function startSlowClients(url: string, count: number, { first, drip, deaf }: Slowness) {
  const { hostname, port } = new URL(url)
  const open = new Set<Socket>()
  let gone = 0
  const waiting = new Set<() => void>()
  const start = async () => {
    const socket = connect({ host: hostname, port: Number(port) })
    socket.on('error', () => {}) // the service may reset what is too slow
    socket.on('close', () => {
      open.delete(socket)
      gone += 1
      for (const look of waiting) look()
    })
    if (deaf) socket.pause()
    else socket.resume()
    await once(socket, 'connect')
    open.add(socket)
    socket.write(first)
  }
  await Promise.all(Array.from({ length: count }, start))
  const dripping = setInterval(() => {
    if (drip !== undefined) for (const socket of open) socket.write(drip)
  }, everyMs)
  return {
    open: () => open.size,
    /** Resolves when the service has closed so many of them. */
    dropped: (wanted: number) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (gone >= wanted) resolve()
        }
        waiting.add(look)
        look()
      }),
    stop() {
      clearInterval(dripping)
      for (const socket of open) socket.destroy()
    },
  }
}

/** The ways of being slow; `KEY` stands for a key. */
export const slownesses: Record<string, Slowness> = {
  'do not finish their headers': { first: 'GET /v1/targets HTTP/1.1\r\nHost: a\r\n', drip: 'X-More: 1\r\n' },
  'do not finish their bodies': {
    first:
      'POST /v1/targets HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\nAuthorization: Bearer KEY\r\n\r\n{',
    drip: ' ',
  },
  'do not read the answer': { first: 'GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n', deaf: true },
}

const timed = 300

/** What others wait for `/livez`, each on a connection of its own, while so many clients are slow and none was sent away yet; and how many asked. */
export async function timeBeside(
  { url, key }: { url: string; key: string },
  { count, how }: { count: number; how: Slowness },
): Promise<{ p50Ms: number; p99Ms: number; asked: number }> {
  const slow = await startSlowClients(url, count, { ...how, first: how.first.replace('KEY', key) })
  try {
    const took: number[] = []
    while (took.length < timed && slow.open() === count) took.push(...(await timeRequests(`${url}/livez`, 1)))
    took.sort((a, b) => a - b)
    const at = (share: number) => took[Math.ceil(took.length * share) - 1] ?? Number.NaN
    return { p50Ms: at(0.5), p99Ms: at(0.99), asked: took.length }
  } finally {
    slow.stop()
  }
}

/** The milliseconds that each of so many requests took, one after the other, each on a connection of its own. */
export async function timeRequests(url: string, count: number): Promise<number[]> {
  const took: number[] = []
  while (took.length < count) {
    const startedAt = performance.now()
    const answer = await fetch(url, { headers: { connection: 'close' } })
    await answer.arrayBuffer()
    if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`)
    took.push(performance.now() - startedAt)
  }
  return took
}
