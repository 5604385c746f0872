import { describe, expect, test } from 'vitest'
import { decideTicks, inTimeZone, isTimeZone, jitterMs, onTimeMs, readCron } from '../../src/domain/schedules.ts'

const now = new Date('2026-11-22T12:00:00Z')
const ago = (ms: number) => new Date(now.getTime() - ms)
const late = onTimeMs + 1

describe('due ticks', () => {
  test.each([
    ['on time run', [0], 'once', ['run']],
    ['run at the limit of being on time', [onTimeMs], 'skip', ['run']],
    ['are caught up just after that', [late], 'once', ['catch-up']],
    ['are missed just after that with `skip`', [late], 'skip', ['missed']],
    ['catch up the last of several missed ones', [late + 2, late + 1, late], 'once', ['missed', 'missed', 'catch-up']],
    ['catch up none with `skip`', [late + 2, late + 1, late], 'skip', ['missed', 'missed', 'missed']],
    ['on time replace the missed ones', [late, 0], 'once', ['missed', 'run']],
    ['all run if all are on time', [60_000, 0], 'once', ['run', 'run']],
    ['may be none', [], 'once', []],
  ] as const)('%s', (_, due, missed, kinds) => {
    const decided = decideTicks(due.map(ago), { now, missed })
    expect(decided.map(({ kind }) => kind)).toEqual(kinds)
    expect(decided.map(({ dueAt }) => dueAt)).toEqual(due.map(ago))
  })
})

describe('jitter', () => {
  test('is the same for the same tick, differs between ticks and schedules, and stays within its bound', () => {
    const ticks = Array.from({ length: 100 }, (_, i) => new Date(now.getTime() + i * 60_000))
    const waits = ticks.map((tick) => jitterMs('nightly', tick, 60))
    expect(ticks.map((tick) => jitterMs('nightly', tick, 60))).toEqual(waits)
    expect(new Set(waits).size).toBeGreaterThan(90)
    expect(Math.max(...waits)).toBeLessThanOrEqual(60_000)
    expect(Math.max(...waits)).toBeGreaterThan(50_000)
    expect(ticks.map((tick) => jitterMs('other', tick, 60))).not.toEqual(waits)
  })

  test('of no seconds is none', () => expect(jitterMs('nightly', now, 0)).toBe(0))
})

describe('an expression', () => {
  test.each(['* * * * *', '30 2 * * *', '*/5 0-6 1,15 JAN-MAR mon', '0 0 L * *', '0 9 * * MON#1', '0 0 * * THU'])(
    'of five fields: %s',
    (cron) => expect(readCron(cron)).toBe(cron),
  )

  test.each([
    ['seconds', '0 30 2 * * *'],
    ['four fields', '30 2 * *'],
    ['a name without a time', '@reboot'],
    ['a made up minute', 'H 2 * * *'],
    ['another format', 'FREQ=DAILY;BYHOUR=2'],
    ['nothing', ''],
    ['a line break', '* * *\n* *'],
  ])('with %s is none: %j', (_, cron) => expect(readCron(cron)).toBeUndefined())
})

test.each([
  ['Europe/Berlin', true],
  ['UTC', true],
  ['Europe/Nowhere', false],
  ['+01:00', false],
  ['', false],
])('%j as a time zone: %s', (name, valid) => expect(isTimeZone(name)).toBe(valid))

test.each([
  ['UTC', '2026-11-22T01:30:00+00:00'],
  ['Europe/Berlin', '2026-11-22T02:30:00+01:00'],
  ['America/St_Johns', '2026-11-21T22:00:00-03:30'],
  ['Pacific/Auckland', '2026-11-22T14:30:00+13:00'],
])('a time in %s is %s', (timeZone, local) => {
  const at = new Date('2026-11-22T01:30:00Z')
  expect(inTimeZone(at, timeZone)).toBe(local)
  expect(new Date(local)).toEqual(at)
})
