import { listenSilently } from '../app.ts'
import type { TestService } from '../service.ts'

/** Audits the target epp-01 while its port is open, and again when it is closed; returns the id of the first audit. */
export async function auditTwice(service: TestService): Promise<string> {
  const { port, close } = await listenSilently()
  const targets = [{ name: 'epp-01', address: '127.0.0.1', params: { openPort: port, closedPort: 1 } }]
  const first = await service.accept({ targets })
  await service.ended(first)
  await close()
  await service.ended(await service.accept({ targets }))
  return first
}
