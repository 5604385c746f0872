import net from 'node:net'
import { listen } from '../listen.ts'
import { asPeer, type Peer } from './peer.ts'

export interface SshRelay extends Peer {
  host: string
  port: number
  /** All that the server has said to the clients, as they got it. */
  recorded: () => Buffer
}

/** One in the middle between clients and an SSH server, who may change the payloads that the server sends before encryption. */
export async function startSshRelay(
  server: { host: string; port: number },
  change: (payload: Buffer) => Buffer = (payload) => payload,
): Promise<SshRelay> {
  const recorded: Buffer[] = []
  const relay = net.createServer((client) => {
    const upstream = net.connect(server.port, server.host)
    let unread = Buffer.alloc(0)
    let identified = false
    const pass = (bytes: number) => {
      const passed = unread.subarray(0, bytes)
      unread = unread.subarray(bytes)
      recorded.push(passed)
      client.write(passed)
    }
    upstream.on('data', (bytes: Buffer) => {
      unread = Buffer.concat([unread, bytes])
      if (!identified && unread.includes(0x0a)) {
        identified = true
        pass(unread.indexOf(0x0a) + 1)
      }
      while (identified && unread.length >= 5 && unread.length >= 4 + unread.readUInt32BE()) {
        const packetBytes = 4 + unread.readUInt32BE()
        const payload = unread.subarray(5, packetBytes - unread.readUInt8(4))
        change(Buffer.from(payload)).copy(payload)
        pass(packetBytes)
      }
    })
    client.pipe(upstream)
    upstream.on('close', () => client.destroy()).on('error', () => {})
    client.on('close', () => upstream.destroy()).on('error', () => {})
  })
  const { host, port, close } = await listen(relay)
  return asPeer({ host, port, recorded: () => Buffer.concat(recorded) }, close)
}
