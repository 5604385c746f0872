import { expect, test } from 'vitest'
import { readSources } from '../support/sources.ts'

const paths = readSources().map(({ path }) => path)

test('no folder of src holds more than 18 files', () => {
  const folders = Map.groupBy(paths, (path) => path.slice(0, path.lastIndexOf('/')))
  const full = [...folders].filter(([, files]) => files.length > 18).map(([folder]) => folder)
  expect(full).toEqual([])
})

test('no file or folder of src has a name that says nothing about its content', () => {
  const vague = /^(utils?|helpers?|common|managers?|services?)$/
  const products = ['report/alerts/service-now.ts']
  const found = paths.filter((path) => path.split(/[/.-]/).some((word) => vague.test(word)))
  expect(found).toEqual(products)
})
