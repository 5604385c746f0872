import { expect, test } from 'vitest'
import {
  emptySchedule,
  readTypedSchedule,
  typedSchedule,
} from '../../../../src/console/pages/schedules/schedule-fields.ts'

const times = {
  ...{ cron: '30 2 * * *', timeZone: 'Asia/Tokyo', jitterSeconds: 90 },
  ...({ overlap: 'queue', missed: 'skip', enabled: false } as const),
}
const audit = { policy: 'ports@2', targets: ['a', 'b'], params: { openPort: 9 }, vantages: ['local'], reason: 'x' }

test('what is stored comes back as it was from the fields', () => {
  const stored = { ...times, audit }
  expect(readTypedSchedule(typedSchedule({ name: 'nightly', ...stored }))).toEqual({ content: stored, issues: [] })
  const byLabel = { ...times, audit: { policy: 'ports', targets: { labels: { site: 'hq', note: 'a=b' } } } }
  expect(readTypedSchedule(typedSchedule({ name: 'nightly', ...byLabel })).content).toEqual(byLabel)
})

test('names beside labels say what is wrong', () => {
  const { issues } = readTypedSchedule({ ...emptySchedule('ports'), targets: 'a\nsite=hq' })
  expect(issues).toEqual([{ pointer: '/audit/targets', detail: 'Give names or labels, not both.' }])
})
