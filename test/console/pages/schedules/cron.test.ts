import { expect, test } from 'vitest'
import { cronText } from '../../../../src/console/pages/schedules/cron.ts'

test.each([
  ['30 2 * * *', 'every day at 02:30'],
  ['@daily', 'every day at 00:00'],
  ['5 * * * *', 'every hour at minute 5'],
  ['*/15 * * * *', 'every 15 minutes'],
  ['0 4 * * 7', 'Sundays at 04:00'],
  ['0 4 * * 1-5', 'Mondays to Fridays at 04:00'],
  ['0 4 * * mon,fri', 'Mondays and Fridays at 04:00'],
  ['0 * * * 6', 'Saturdays, every hour at minute 0'],
  ['0 0 1 * *', 'on day 1 of each month at 00:00'],
])('%s reads %s', (cron, text) => {
  expect(cronText(cron)).toBe(text)
})

test.each(['0 4 1 * 1', '0 4 * 6 *', '0 4 L * *', '0 4 * * 1#2', '*/15 6-20 * * *', '1,2 4 * * *', '* *'])(
  '%s is shown as it is',
  (cron) => {
    expect(cronText(cron)).toBeUndefined()
  },
)
