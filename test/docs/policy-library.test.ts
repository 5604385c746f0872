import { expect, test } from 'vitest'
import { renderLibrary } from '../../src/cli/policy/library-page.ts'
import { readBuiltIns } from '../../src/policies/built-in.ts'
import { read } from '../support/pages.ts'

test('docs/policy-library.md is what `npm run reference` writes', () => {
  expect(read('docs/policy-library.md')).toBe(renderLibrary(readBuiltIns()))
})
