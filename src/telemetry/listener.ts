import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from './metrics.ts'

interface MetricsListener {
  address: AddressInfo
  close(): Promise<void>
}

const host = '127.0.0.1'

/** Serves `GET /metrics` on loopback, without a key. */
export async function listenForMetrics(metrics: Metrics, port: number): Promise<MetricsListener> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') return void response.writeHead(404).end()
    metrics.render().then(
      (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
      () => response.writeHead(500).end(),
    )
  })
  server.listen({ host, port })
  await once(server, 'listening')
  return {
    address: server.address() as AddressInfo,
    async close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
