import { expect, test } from 'vitest'
import {
  differencesOf,
  emptyTarget,
  readTypedTarget,
  typedTarget,
} from '../../../../src/console/pages/targets/target-fields.ts'

const content = {
  ...{ name: 'epp-01', address: '10.0.0.1', roles: ['epp', 'ui'], labels: { site: 'hq', note: 'a=b' } },
  ...{ externalId: 'CI1', params: { port: 443, strict: true } },
}

test('what is stored comes back as it was from the fields', () => {
  expect(readTypedTarget(typedTarget(content))).toEqual({ content, issues: [] })
})

test('blank lines, blanks and repeated roles count for nothing; an empty external id is none', () => {
  const typed = { ...emptyTarget, name: ' a ', address: ' ::1 ', roles: ' x,, y ,x', labels: '\n site = hq \n' }
  expect(readTypedTarget(typed)).toMatchObject({
    content: { name: 'a', address: '::1', roles: ['x', 'y'], labels: { site: 'hq' }, externalId: null },
    issues: [],
  })
})

test.each([
  ['site', 'site: write it as name=value'],
  ['=hq', '=hq: write it as name=value'],
  ['site=hq\nsite=branch', 'site is there twice'],
])('labels %j say what is wrong', (labels, detail) => {
  expect(readTypedTarget({ ...emptyTarget, labels }).issues).toEqual([{ pointer: '/labels', detail }])
})

test('differences name the fields, and parameters one by one', () => {
  const other = { ...content, address: '10.0.0.2', params: { port: 8443, strict: true } }
  expect(differencesOf(content, other)).toEqual([
    { field: 'Address', stored: '10.0.0.1', typed: '10.0.0.2' },
    { field: 'Parameter port', stored: '443', typed: '8443' },
  ])
})
