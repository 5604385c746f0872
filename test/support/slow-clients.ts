import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** What a client sends first, and then repeatedly as a sign of life. */
export interface Slowness {
  first: string
  drip?: string
  /** Never reads the response. */
  deaf?: boolean
}

const everyMs = 500

/** Opens slow connections; returns functions to count and to end them. */
export async function startSlowClients(url: string, count: number, { first, drip, deaf }: Slowness) {
  const { hostname, port } = new URL(url)
  const open = new Set<Socket>()
  let gone = 0
  const waiting = new Set<() => void>()
  const start = async () => {
    const socket = connect({ host: hostname, port: Number(port) })
    socket.on('error', () => {}) // the service may reset a slow connection
    socket.on('close', () => {
      open.delete(socket)
      gone += 1
      for (const check of waiting) check()
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
    /** Resolves once the service has closed this many. */
    dropped: (wanted: number) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (gone >= wanted) resolve()
        }
        waiting.add(check)
        check()
      }),
    stop() {
      clearInterval(dripping)
      for (const socket of open) socket.destroy()
    },
  }
}

/** Kinds of slow clients; `KEY` stands for a key. */
export const slownesses: Record<string, Slowness> = {
  'do not finish their headers': { first: 'GET /v1/targets HTTP/1.1\r\nHost: a\r\n', drip: 'X-More: 1\r\n' },
  'do not finish their bodies': {
    first:
      'POST /v1/targets HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\nAuthorization: Bearer KEY\r\n\r\n{',
    drip: ' ',
  },
  'do not read the response': { first: 'GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n', deaf: true },
}

const timed = 300

/** Latency of `/livez` on new connections while this many clients are slow, and the number of requests. */
export async function timeBeside(
  { url, key }: { url: string; key: string },
  { count, how }: { count: number; how: Slowness },
): Promise<{ p50Ms: number; p99Ms: number; requests: number }> {
  const slow = await startSlowClients(url, count, { ...how, first: how.first.replace('KEY', key) })
  try {
    const took: number[] = []
    while (took.length < timed && slow.open() === count) took.push(...(await timeRequests(`${url}/livez`, 1)))
    took.sort((a, b) => a - b)
    const at = (share: number) => took[Math.ceil(took.length * share) - 1] ?? Number.NaN
    return { p50Ms: at(0.5), p99Ms: at(0.99), requests: took.length }
  } finally {
    slow.stop()
  }
}

/** Latencies in milliseconds of sequential requests on new connections. */
export async function timeRequests(url: string, count: number): Promise<number[]> {
  const took: number[] = []
  while (took.length < count) {
    const startedAt = performance.now()
    const response = await fetch(url, { headers: { connection: 'close' } })
    await response.arrayBuffer()
    if (response.status !== 200) throw new Error(`${url}: status ${response.status}`)
    took.push(performance.now() - startedAt)
  }
  return took
}
