import type { Vantage } from '../../domain/findings/plan.ts'
import { type CanaryState, heartbeatMs } from '../../domain/vantages/presence.ts'
import type { Sign, VantageStore } from '../../store/inventory/vantages.ts'

interface HeartbeatOptions {
  vantages: Pick<VantageStore, 'touch'>
  announce(vantage: Vantage, sign: Sign): Promise<void>
  vantage: Vantage
  version: string
  canary: () => CanaryState
  /** Reports a heartbeat that failed; the next one tries again. */
  onError(error: unknown): void
}

/** Announces a vantage and sends heartbeats until stopped. */
export async function startHeartbeat({ vantages, announce, vantage, version, canary, onError }: HeartbeatOptions) {
  await announce(vantage, { version, canary: canary() })
  let beat: Promise<unknown> = Promise.resolve()
  const timer = setInterval(() => {
    beat = vantages.touch(vantage.name, { version, canary: canary() }).catch(onError)
  }, heartbeatMs)
  return {
    /** Resolves when no heartbeat is running. */
    async stop() {
      clearInterval(timer)
      await beat
    },
  }
}
