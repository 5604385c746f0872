import { expect, test } from 'vitest'
import { testFiles } from './classes.ts'

test.each([
  ['unit', 'test/domain/findings/judge.test.ts', 'imports rules alone'],
  ['integration', 'test/store/access/keys.test.ts', 'needs a database'],
  ['integration', 'test/probes/tcp/probe.test.ts', 'opens sockets'],
  ['integration', 'test/main.test.ts', 'starts processes'],
  ['slow', 'test/probes/memory.slow.test.ts', 'says so in its name'],
] as const)('of class %s is %s, which %s', (name, file, _) => {
  const classes = Object.entries(testFiles).filter(([, files]) => files.includes(file))
  expect(classes.map(([name]) => name)).toEqual([name])
})
