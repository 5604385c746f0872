import { expect, test } from 'vitest'
import { nextClockChange } from '../../../../src/console/pages/schedules/clock-change.ts'

const from = new Date('2026-11-30T12:00:00Z')

test.each([
  ['Europe/Berlin', '2027-03-28T01:00:00.000Z', '+01:00', '+02:00'],
  ['America/New_York', '2027-03-14T07:00:00.000Z', '-05:00', '-04:00'],
  ['Australia/Lord_Howe', '2027-04-03T15:00:00.000Z', '+11:00', '+10:30'],
])('the clocks of %s change next at %s, from %s to %s', (timeZone, at, before, after) => {
  expect(nextClockChange(timeZone, from)).toEqual({ at: new Date(at), before, after })
})

test.each(['UTC', 'Asia/Tokyo'])('the clocks of %s do not change', (timeZone) => {
  expect(nextClockChange(timeZone, from)).toBeUndefined()
})
