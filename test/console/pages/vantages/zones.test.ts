import { expect, test } from 'vitest'
import { unseenZones } from '../../../../src/console/pages/vantages/zones.ts'

const policy = (name: string, ...rules: { id: string; from: string[]; unlike?: { from: string[] } }[]) => ({
  name,
  document: { rules },
})

test('zones without a vantage are listed by name with the rules that name them', () => {
  const policies = [
    policy('a', { id: 'x', from: ['server', 'client'] }, { id: 'y', from: ['server'], unlike: { from: ['guest'] } }),
    policy('b', { id: 'z', from: ['server'] }),
  ]
  expect(unseenZones(policies, [{ zones: ['client'] }])).toEqual([
    { zone: 'guest', policies: [{ name: 'a', rules: ['y'] }] },
    {
      zone: 'server',
      policies: [
        { name: 'a', rules: ['x', 'y'] },
        { name: 'b', rules: ['z'] },
      ],
    },
  ])
})

test('there is none if every zone has a vantage, or nothing names one', () => {
  expect(unseenZones([policy('a', { id: 'x', from: ['client'] })], [{ zones: ['client', 'server'] }])).toEqual([])
  expect(unseenZones([], [])).toEqual([])
})
