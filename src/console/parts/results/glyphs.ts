import type { ShownResult } from './results.ts'

/** The paths of the signs of results, in a square of 16. */
export const glyphs: Readonly<Record<ShownResult, string>> = {
  pass: 'm3 8.5 3.5 3.5L13 4.5',
  fail: 'm4 4 8 8m0-8-8 8',
  waived: 'M8 4.5V8l2.5 1.5M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Z',
  unknown: 'M5.5 6a2.5 2.5 0 1 1 3.6 2.2C8.3 8.7 8 9.200 8 10M8 12.500v.6',
  error: 'M8 3v6M8 12v.8',
  notapplicable: 'M4 8h8',
  notchecked: 'M8 12.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9Z',
}
