import { expect, test } from 'vitest'
import { affordableSockets, watchDescriptors } from '../../../src/probes/engine/descriptor-pressure.ts'
import { runWithDescriptors } from '../../support/program.ts'

const imports = `
  import { affordableSockets, watchDescriptors } from '${import.meta.dirname}/../../../src/probes/engine/descriptor-pressure.ts'
  import { closeSync, openSync } from 'node:fs'`

test('descriptors become scarce after an open failed for lack of one', () => {
  const descriptors = watchDescriptors()
  const startedAt = performance.now()
  expect(descriptors.wereScarceSince(startedAt)).toBe(false)
  descriptors.ranOut()
  expect(descriptors.wereScarceSince(startedAt)).toBe(true)
  expect(descriptors.wereScarceSince(performance.now() + 1)).toBe(false)
})

test('descriptors are scarce while the last ones are in use, not forever', async () => {
  const program = `${imports}
    const descriptors = watchDescriptors()
    const opened = []
    try { for (;;) opened.push(openSync('/dev/null')) } catch {}
    closeSync(opened.pop())
    const scarce = descriptors.wereScarceSince(performance.now())
    for (const descriptor of opened) closeSync(descriptor)
    process.stdout.write(JSON.stringify([scarce, descriptors.wereScarceSince(performance.now())]))`
  expect(await runWithDescriptors(64, program)).toEqual([true, false])
})

test('sockets are affordable up to three quarters of the descriptors', async () => {
  const program = `${imports}
    process.stdout.write(JSON.stringify([affordableSockets(10), affordableSockets(2_000)]))`
  expect(await runWithDescriptors(128, program)).toEqual([10, 96])
  expect(affordableSockets(1)).toBe(1)
})
