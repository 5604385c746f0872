import type { FirewallChange, FirewallProposal, PortRange } from '../../domain/firewall/change.ts'
import { truncate } from '../../encoding/text.ts'

/**
 * Text for a comment of a configuration, in one line: letters, digits and marks that no format gives a meaning. Every other
 * character becomes `_`: names and titles are text of others.
 */
export const commentText = (text: string, max = 200): string =>
  truncate(text.replace(/[^\p{L}\p{N} .,:_/()@=+-]/gu, '_'), max)

/** The same in ASCII, for devices that know nothing else. */
export const asciiText = (text: string, max = 100): string => commentText(text.replace(/[^\x20-\x7e]/g, '_'), max)

/** What every proposal says at its start, line by line. */
export function headOf({ policy, target, origin, at }: FirewallProposal): string[] {
  const { vantage, zones, networks } = origin
  const from = `${vantage === null ? '' : `vantage ${vantage}, `}zone ${zones.join(', ') || 'none'}`
  return [
    'PROPOSAL of Portwarden: review it before use. Portwarden changes no firewall.',
    `Policy: ${policy.name} version ${policy.version}, digest ${policy.digest.slice(0, 16)}`,
    `Target: ${target.name}, ${target.addresses.join(', ') || target.address}`,
    `Seen from: ${from}; networks ${networks.join(', ') || 'unknown'}`,
    `Made at: ${at.toISOString()}`,
    'It is about these flows alone: what the policy does not name stays as your firewall has it.',
  ]
}

/** What a change is for. */
export const purposeOf = ({ rules }: FirewallChange): string =>
  rules.map(({ id, title }) => `${id}: ${title}`).join('; ')

/** `443` or `49152-65535`. */
export const portText = ({ from, to }: PortRange, separator = '-'): string =>
  from === to ? `${from}` : `${from}${separator}${to}`

/** `portwarden-POLICY-TARGET` of the characters that every format takes in names, at most 60. */
export const nameOf = ({ policy, target }: FirewallProposal): string =>
  `portwarden-${`${policy.name}-${target.name}`.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 49)}`.replace(/-+$/, '')
