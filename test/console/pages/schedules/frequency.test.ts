import { expect, test } from 'vitest'
import { cronOf, type Timing, timingOf } from '../../../../src/console/pages/schedules/frequency.ts'

const timings: [string, Partial<Timing>][] = [
  ['30 2 * * *', { frequency: 'daily', time: '02:30' }],
  ['5 14 * * 1-5', { frequency: 'weekdays', time: '14:05' }],
  ['0 0 * * 0', { frequency: 'weekly', weekday: '0', time: '00:00' }],
  ['0 6 15 * *', { frequency: 'monthly', day: '15', time: '06:00' }],
  ['7 * * * *', { frequency: 'hourly', time: '00:07' }],
  ['*/5 * * * *', { frequency: 'custom' }],
  ['0 6 15 1 *', { frequency: 'custom' }],
  ['0 2,14 * * *', { frequency: 'custom' }],
  ['@daily', { frequency: 'custom' }],
]

test.each(timings)('%s is shown as %j, and comes back as it was', (cron, timing) => {
  expect(timingOf(cron)).toMatchObject(timing)
  expect(cronOf(timingOf(cron))).toBe(cron)
})
