import { type Recording, startRecordingProxy } from '../recording-proxy.ts'
import type { Peer } from './peer.ts'

interface SshRelay extends Peer {
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
  const unread = new WeakMap<Recording, Buffer>()
  const proxy = await startRecordingProxy(server, (bytes, recording) => {
    const {
      bytes: passed,
      packets,
      rest,
    } = cut(Buffer.concat([unread.get(recording) ?? Buffer.alloc(0), bytes]), recording)
    unread.set(recording, rest)
    for (const payload of packets) change(Buffer.from(payload)).copy(payload)
    return passed
  })
  return Object.assign(proxy, { recorded: () => Buffer.concat(proxy.recordings.map(({ fromServer }) => fromServer)) })
}

/** Cuts off the identification line and whole packets; `packets` are their payloads inside `bytes`. RFC 4253 section 6. */
function cut(unread: Buffer, { fromServer }: Recording) {
  const identified = fromServer.includes(0x0a)
  let end = identified ? 0 : unread.indexOf(0x0a) + 1
  const packets: Buffer[] = []
  while ((identified || end > 0) && unread.length >= end + 5) {
    const packetBytes = 4 + unread.readUInt32BE(end)
    if (unread.length < end + packetBytes) break
    packets.push(unread.subarray(end + 5, end + packetBytes - unread.readUInt8(end + 4)))
    end += packetBytes
  }
  return { bytes: unread.subarray(0, end), packets, rest: unread.subarray(end) }
}
