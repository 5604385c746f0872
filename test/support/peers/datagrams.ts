import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { asPeer, type Peer } from './peer.ts'

export interface DatagramPeer extends Peer {
  host: string
  port: number
  /** What came so far. */
  received: readonly Buffer[]
}

/** A UDP peer that sends these datagrams in return for each one that comes. */
export async function startDatagramPeer(respond: (datagram: Buffer) => Uint8Array[]): Promise<DatagramPeer> {
  const socket = createSocket('udp4')
  const received: Buffer[] = []
  socket.on('message', (datagram, from) => {
    received.push(datagram)
    for (const bytes of respond(datagram)) socket.send(bytes, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { address: host, port } = socket.address()
  const stop = () => new Promise<void>((resolve) => socket.close(() => resolve()))
  return asPeer({ host, port, received }, stop)
}
