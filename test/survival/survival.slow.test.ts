import { expect, test } from 'vitest'
import { cases } from './cases.ts'
import { type Stage, startStage } from './stage.ts'

/** How long the cases are repeated; by default each comes once. */
const minutes = Number(process.env.PORTWARDEN_SURVIVAL_MINUTES ?? '0')
const seed = Number(process.env.PORTWARDEN_SURVIVAL_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Numbers below 1 that a seed repeats (mulberry32). */
function randomOf(state: number): () => number {
  let next = state
  return () => {
    next = (next + 0x6d2b79f5) | 0
    let mixed = Math.imul(next ^ (next >>> 15), 1 | next)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

async function round(stage: Stage, name: string): Promise<string> {
  for (let running = 0; running < 3; running++) await stage.request()
  await cases[name]?.(stage)
  const tookMs = await stage.expectRecovered()
  return `${name}: a new audit completed after ${(tookMs / 1000).toFixed(1)} s`
}

test('kills, stops, outages, silence and clock skew, in any order: a new audit completes within 60 s, and nothing is lost', {
  timeout: (minutes + 15) * 60_000,
}, async () => {
  const random = randomOf(seed)
  const until = performance.now() + minutes * 60_000
  await using stage = await startStage()
  let rounds = 0
  try {
    do {
      const order = Object.keys(cases).toSorted(() => random() - 0.5)
      for (const name of order) {
        rounds += 1
        process.stdout.write(`${await round(stage, name)}\n`)
      }
    } while (performance.now() < until)
    const audits = await stage.expectNothingLost()
    expect(audits).toBeGreaterThan(rounds)
    process.stdout.write(`${rounds} rounds, ${audits} audits, seed ${seed}\n`)
  } catch (error) {
    throw new Error(`PORTWARDEN_SURVIVAL_SEED=${seed} repeats the order (round ${rounds})`, { cause: error })
  }
})
