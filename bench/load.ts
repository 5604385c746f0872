import { once } from 'node:events'
import { connect } from 'node:net'
import { percentile } from './measure.ts'

// A separate program: requests one path on persistent connections, at most RATE per second for SECONDS, and prints the result as JSON.
// Bare sockets, so that it leaves the processor to the service.
const [url = '', key = '', connections = '', rate = '', seconds = ''] = process.argv.slice(2)
const { hostname, port, pathname, search } = new URL(url)
const request = Buffer.from(
  `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${key}\r\n\r\n`,
)
const startedAt = performance.now()
const endsAt = startedAt + Number(seconds) * 1000
const tookMs: number[] = []
let sent = 0
let failed = 0

/** Waits until the next request is due. */
async function turn(): Promise<void> {
  const dueAt = startedAt + (sent++ / Number(rate)) * 1000
  const waitMs = dueAt - performance.now()
  if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs))
}

async function sendRequests(): Promise<void> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  let text = ''
  let responded = (_status: number) => {}
  socket.on('error', () => responded(0))
  socket.on('close', () => responded(0))
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
    const end = text.indexOf('\r\n\r\n')
    const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? Number.NaN)
    if (end < 0 || text.length < end + 4 + length) return
    const status = Number(text.slice(9, 12))
    text = ''
    responded(status)
  })
  while (performance.now() < endsAt) {
    await turn()
    const sentAt = performance.now()
    const status = await new Promise<number>((resolve) => {
      responded = resolve
      socket.write(request)
    })
    tookMs.push(performance.now() - sentAt)
    if (status !== 200) failed += 1
    if (status === 0) break
  }
  socket.destroy()
}

await Promise.all(Array.from({ length: Number(connections) }, sendRequests))
const tookSeconds = (performance.now() - startedAt) / 1000
console.log(
  JSON.stringify({
    perSecond: tookMs.length / tookSeconds,
    failed,
    p50Ms: percentile(tookMs, 0.5),
    p99Ms: percentile(tookMs, 0.99),
  }),
)
