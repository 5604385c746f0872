import net from 'node:net'
import { listen } from './listen.ts'
import { asPeer, type Peer } from './peers/peer.ts'

/** All bytes on the wire of one connection. */
export interface Recording {
  fromClient: Buffer
  fromServer: Buffer
}

/** Changes bytes from the server; after the `last` ones the connection ends. */
export type Tamper = (bytes: Buffer, recording: Recording) => Buffer | { last: Buffer }

export interface RecordingProxy extends Peer {
  host: string
  port: number
  /** One for each connection, in order. */
  recordings: readonly Recording[]
}

/** A proxy between client and server that records everything and may tamper with it. */
export async function startRecordingProxy(
  server: { host: string; port: number },
  tamper: Tamper = (bytes) => bytes,
): Promise<RecordingProxy> {
  const recordings: Recording[] = []
  const proxy = net.createServer((client) => {
    const recording: Recording = { fromClient: Buffer.alloc(0), fromServer: Buffer.alloc(0) }
    recordings.push(recording)
    const upstream = net.connect(server.port, server.host)
    client.on('data', (bytes) => {
      recording.fromClient = Buffer.concat([recording.fromClient, bytes])
      upstream.write(bytes)
    })
    upstream.on('data', (bytes) => {
      if (client.writableEnded) return
      const passed = tamper(bytes, recording)
      const words = 'last' in passed ? passed.last : passed
      recording.fromServer = Buffer.concat([recording.fromServer, words])
      client.write(words)
      if ('last' in passed) client.end()
    })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('end', () => other.end())
      one.on('close', () => other.destroy())
    }
  })
  const { host, port, close } = await listen(proxy)
  return asPeer({ host, port, recordings }, close)
}
