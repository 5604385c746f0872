import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Whether a process currently has a connection to a loopback port. */
export function isConnectedTo(pid: number, port: number): boolean {
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  const inodes = new Set(lines.filter((line) => line[2] === remote && line[3] === '01').map((line) => line[9]))
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return inodes.has(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1])
    } catch {
      return false // closed meanwhile
    }
  })
}
