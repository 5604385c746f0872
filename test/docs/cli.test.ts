import { expect, test } from 'vitest'
import { describeCommand } from '../../src/cli/describe.ts'
import { createProgram } from '../../src/cli/program.ts'
import { renderReference } from '../../src/cli/reference.ts'
import { read } from '../support/pages.ts'

test('docs/cli.md is what `npm run reference` writes', () => {
  expect(read('docs/cli.md')).toBe(renderReference(describeCommand(createProgram())))
})
