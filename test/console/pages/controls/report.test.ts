import { expect, test } from 'vitest'
import { type Control, changesText, compareControls } from '../../../../src/console/pages/controls/report.ts'

const control = (name: string, verdict: Control['verdict']) => ({ framework: 'F', control: name, verdict }) as Control
const compare = (before: [string, Control['verdict']][], now: [string, Control['verdict']][]) =>
  compareControls(
    before.map((one) => control(...one)),
    now.map((one) => control(...one)),
  )

test('controls that are worse come first, then those that are better, then new ones', () => {
  const before: [string, Control['verdict']][] = [
    ['same', 'fail'],
    ['better', 'fail'],
    ['worse', 'pass'],
    ['doubtful', 'pass'],
  ]
  const now: [string, Control['verdict']][] = [
    ['same', 'fail'],
    ['new', 'pass'],
    ['better', 'inconclusive'],
    ['worse', 'fail'],
    ['doubtful', 'inconclusive'],
  ]
  const compared = compare(before, now)
  expect(compared.map((one) => [one.control, one.before])).toEqual([
    ['worse', 'pass'],
    ['doubtful', 'pass'],
    ['better', 'fail'],
    ['new', null],
    ['same', 'fail'],
  ])
  expect(changesText(compared)).toBe('2 controls are worse, 1 is better, 1 is new')
})

test('controls that no rule names any more are listed last but for those that are the same', () => {
  const compared = compare(
    [
      ['gone', 'fail'],
      ['same', 'pass'],
    ],
    [['same', 'pass']],
  )
  expect(compared.map((one) => [one.control, one.before, one.isGone])).toEqual([
    ['gone', 'fail', true],
    ['same', 'pass', false],
  ])
  expect(changesText(compared)).toBe('1 control is gone')
})

test('controls without a change say so', () => {
  expect(changesText(compare([['a', 'pass']], [['a', 'pass']]))).toBe('nothing changed')
})
