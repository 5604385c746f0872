import { throughOutages } from '../../store/db/outages.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { TakenDiscovery } from '../../store/learning/discoveries.ts'
import { type RunParts, runDiscovery } from './run-discovery.ts'

/** Makes a discovery that was taken for a vantage, and stores its result. */
export async function makeDiscovery(
  { stores, ...parts }: RunParts & { stores: Pick<Stores, 'discoveries'> },
  vantage: string,
  taken: TakenDiscovery,
): Promise<void> {
  const outcome = await runDiscovery(parts, taken)
  if (!outcome) return stores.discoveries.handBack(vantage, taken.id)
  await throughOutages(() => stores.discoveries.finish({ id: taken.id, vantage }, outcome))
}
