import { afterEach, describe, expect, test, vi } from 'vitest'
import { absentAfterMs, heartbeatMs, isAbsent } from '../../../src/domain/vantages/presence.ts'
import { startHeartbeat } from '../../../src/operations/vantages/heartbeat.ts'

afterEach(() => vi.useRealTimers())

function recorder() {
  const said: string[] = []
  return {
    said,
    announce: async ({ name }: { name: string }, sign: object) => void said.push(`${name} ${JSON.stringify(sign)}`),
    touch: async (name: string, sign: object = {}) => {
      said.push(`${name} ${JSON.stringify(sign)}`)
      if (said.length === 2) throw new Error('the database is away')
      return 1
    },
  }
}

describe('the heartbeat of a worker', () => {
  test('announces its vantage, beats with what its canaries say now, survives a failure, and stops', async () => {
    vi.useFakeTimers()
    const vantages = recorder()
    const errors: unknown[] = []
    let canary: 'unknown' | 'online' = 'unknown'
    const heartbeat = await startHeartbeat({
      ...{ vantages, announce: vantages.announce, vantage: { name: 'hq', zones: ['client'] }, version: '1.0.0' },
      canary: () => canary,
      onError: (error) => errors.push(error),
    })
    canary = 'online'
    await vi.advanceTimersByTimeAsync(2 * heartbeatMs)
    await heartbeat.stop()
    await vi.advanceTimersByTimeAsync(2 * heartbeatMs)
    const [unknown, online] = ['unknown', 'online'].map((state) => `hq {"version":"1.0.0","canary":"${state}"}`)
    expect(vantages.said).toEqual([unknown, online, online])
    expect(errors).toHaveLength(1)
  })
})

describe('a vantage', () => {
  const now = new Date('2026-01-01T00:10:00Z')
  const ago = (ms: number) => new Date(now.getTime() - ms)

  test.each([
    ['worker', null, true],
    ['worker', ago(heartbeatMs), false],
    ['worker', ago(absentAfterMs.worker), false],
    ['worker', ago(absentAfterMs.worker + 1), true],
    ['agent', ago(absentAfterMs.worker + 1), false],
    ['agent', ago(absentAfterMs.agent + 1), true],
  ] as const)('of kind %s that was seen at %s: absent is %s', (kind, lastSeenAt, absent) => {
    expect(isAbsent({ kind, lastSeenAt }, now)).toBe(absent)
  })
})
