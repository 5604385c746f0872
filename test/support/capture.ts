import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { vi } from 'vitest'
import { asPeer, type Peer } from './peers/peer.ts'
import { spawnPeer } from './processes.ts'
import { makeTempDir } from './temp-dir.ts'

interface Capture extends Peer {
  /** All packets up to one with this mark, sent in clear last. */
  upTo: (mark: string) => Promise<Buffer>
}

/** A loopback packet capture with a pcap-filter(7); fails if a packet was lost. */
export async function startCapture(filter: string): Promise<Capture> {
  const directory = await makeTempDir('capture')
  const file = join(directory.path, 'packets')
  // -U writes each packet immediately. -Z root: Debian's default user may not write here.
  const options = ['-i', 'lo', '-n', '-U', '-B', '16384', '-Z', 'root', '-w', file]
  const tcpdump = await spawnPeer('tcpdump', [...options, filter], { ready: /listening on lo/ })
  const end = async () => {
    await tcpdump.end()
    if (!/\b0 packets dropped by kernel/.test(tcpdump.log())) throw new Error(`packets are missing: ${tcpdump.log()}`)
  }
  const upTo = async (mark: string) => {
    const read = async () => {
      const packets = await readFile(file)
      if (!packets.includes(mark)) throw new Error(`the capture does not show ${mark}: ${tcpdump.log()}`)
      return packets
    }
    return vi.waitFor(read, { timeout: 30_000 })
  }
  return asPeer({ upTo }, end, directory.remove)
}
