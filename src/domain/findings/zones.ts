import type { Vantage } from './plan.ts'

const standIn = 'zone:'

/**
 * The zones that a finding is about: those that its rule names (`from`) and its vantage is in. Evidence from elsewhere is about all
 * zones of the rule. Without a known rule it is about those of the vantage; one empty name if that has none.
 */
export function zonesOfFinding(from: readonly string[] | null, { name, zones }: Vantage): string[] {
  const own = name.startsWith(standIn) ? [name.slice(standIn.length)] : [...zones]
  if (!from) return own.length > 0 ? own : ['']
  const shared = own.filter((zone) => from.includes(zone))
  return shared.length > 0 ? shared : [...from]
}
