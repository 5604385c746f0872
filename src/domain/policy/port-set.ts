import { Type } from 'typebox'
import { Port } from './values.ts'

/** A port, or a range of them such as `49152-65535`. */
export const PortItem = Type.Union([
  Port,
  Type.String({ pattern: '^[1-9][0-9]{0,4}-[1-9][0-9]{0,4}$', maxLength: 11, examples: ['49152-65535'] }),
])
export type PortItem = number | string

const maxPort = 65_535

/** First and last port of an item; undefined where it is neither a port nor an ascending range up to 65535. */
export function boundsOf(item: unknown): readonly [first: number, last: number] | undefined {
  if (typeof item === 'number') return Number.isInteger(item) && item >= 1 && item <= maxPort ? [item, item] : undefined
  const [, from, to] = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(String(item)) ?? []
  const [first, last] = [Number(from), Number(to ?? from)]
  return first <= last && last <= maxPort ? [first, last] : undefined
}

/** The ports of a set in ascending order, each once; what is no port is passed over. */
export function portsOf(items: readonly PortItem[] = []): number[] {
  const ports = new Set<number>()
  for (const item of items) {
    const [first, last] = boundsOf(item) ?? [1, 0]
    for (let port = first; port <= last; port += 1) ports.add(port)
  }
  return [...ports].sort((a, b) => a - b)
}

/** Ports as the fewest items: `22`, `8000-8100`. The same ports always give the same items. */
export function rangesOf(ports: readonly number[]): string[] {
  const ranges: [number, number][] = []
  for (const port of [...new Set(ports)].sort((a, b) => a - b)) {
    const last = ranges.at(-1)
    if (last && last[1] === port - 1) last[1] = port
    else ranges.push([port, port])
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`))
}
