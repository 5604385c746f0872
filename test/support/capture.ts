import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { vi } from 'vitest'
import { asPeer, type Peer } from './peers/peer.ts'
import { spawnPeer } from './processes.ts'
import { makeTempDir } from './temp-dir.ts'

interface Capture extends Peer {
  /** All packets so far, up to one that holds this mark: send it in clear after everything else. */
  upTo: (mark: string) => Promise<Buffer>
}

/** A packet capture on loopback of what the filter (pcap-filter(7)) lets through; ends with an error if a packet was lost. */
export async function startCapture(filter: string): Promise<Capture> {
  const directory = await makeTempDir('capture')
  const file = join(directory.path, 'packets')
  // -U: each packet is written as it comes. -Z: Debian's tcpdump becomes a user that may not write here.
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
