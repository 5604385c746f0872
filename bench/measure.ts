import { readFile } from 'node:fs/promises'
import type { Figure } from './main.ts'

export const figure = (what: string, value: number, unit: string, goal = ''): Figure => ({ what, value, unit, goal })

/** The value that this share of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/** The value in the middle. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** How long `work` took. */
export async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** The resident memory of a process, in MB. */
export const residentMb = (pid: number): Promise<number> => statusMb(pid, 'VmRSS')

/** The peak of it. */
export const peakResidentMb = (pid: number): Promise<number> => statusMb(pid, 'VmHWM')

async function statusMb(pid: number, field: string): Promise<number> {
  const [, kb] = RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kb) / 1024
}
