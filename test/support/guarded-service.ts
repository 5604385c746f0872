import { createServer } from 'node:net'
import { expect } from 'vitest'
import { type EntryPoint, entryPoints } from './entry-points.ts'
import { listen } from './listen.ts'
import { asPeer, type Peer } from './peers/peer.ts'
import { startService, type TestService } from './service.ts'
import { spellings } from './spellings.ts'

export const allowedAddress = '127.0.0.2'
/** Ways to write addresses that are not allowed. */
export const corpus = spellings().map(({ text }) => text)
export const guardedSettings = {
  PORTWARDEN_ALLOW: `${allowedAddress}/32`,
  PORTWARDEN_WEBHOOK_ALLOW: `${allowedAddress}/32`,
  PORTWARDEN_WEBHOOK_RETRY_SECONDS: '3600',
  PORTWARDEN_PROBE_TIMEOUT_MS: '1000',
}

export interface GuardedService extends Peer {
  service: TestService
  points: Record<string, EntryPoint>
  /** Offers spellings, none of which may lead to the sentinel, and one allowed address, which must. */
  expectGuarded(what: string, offer: EntryPoint['offer'], spelled?: readonly string[]): Promise<void>
}

/** A service that may dial one address, and a sentinel that listens at every address of this machine. */
export async function startGuardedService(): Promise<GuardedService> {
  const arrived: string[] = []
  const server = createServer((socket) => {
    arrived.push(String(socket.localAddress).replace('::ffff:', ''))
    socket.on('error', () => {}).end()
  })
  const sentinel = await listen(server, '::')
  const service = await startService({ env: { ...guardedSettings, PORTWARDEN_AUDITS_PER_MINUTE: '100000' } })
  const points = await entryPoints(service, { port: sentinel.port, allowed: allowedAddress })
  const forbidden = () => arrived.filter((address) => address !== allowedAddress)
  const expectGuarded: GuardedService['expectGuarded'] = async (what, offer, spelled = corpus) => {
    const before = arrived.length
    const taken = await offer([...spelled, allowedAddress])
    await expect.poll(() => arrived.length).toBeGreaterThan(before)
    process.stdout.write(
      `${what}: ${spelled.length} spellings tried, ${taken - 1} accepted as a host, ${forbidden().length} connections to the sentinel\n`,
    )
    expect(forbidden()).toEqual([])
  }
  const expectNoneLate = async () => expect(forbidden()).toEqual([])
  return asPeer({ service, points, expectGuarded }, service.stop, sentinel.close, expectNoneLate)
}
