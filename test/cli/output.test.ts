import { execFileSync } from 'node:child_process'
import { lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkOutput, writeOutput } from '../../src/cli/output.ts'
import { makeTempDir } from '../support/temp-dir.ts'

let directory: Awaited<ReturnType<typeof makeTempDir>>
beforeEach(async () => {
  directory = await makeTempDir('output')
})
afterEach(() => directory.remove())
const pathOf = (name: string) => join(directory.path, name)

test('replaces a file and leaves no other', async () => {
  await writeFile(pathOf('a'), 'before')
  await checkOutput(pathOf('a'))
  await writeOutput(pathOf('a'), 'after')
  await writeOutput(pathOf('b'), Readable.from(['pie', 'ces']))
  expect([await readFile(pathOf('a'), 'utf8'), await readFile(pathOf('b'), 'utf8')]).toEqual(['after', 'pieces'])
  expect(await readdir(directory.path)).toEqual(['a', 'b'])
})

test('a link stays a link, and a pipe a pipe', async () => {
  await writeFile(pathOf('file'), '')
  await symlink('file', pathOf('link'))
  execFileSync('mkfifo', [pathOf('pipe')])
  for (const name of ['link', 'pipe']) await checkOutput(pathOf(name))
  const read = readFile(pathOf('pipe'), 'utf8')
  await Promise.all([writeOutput(pathOf('link'), 'linked'), writeOutput(pathOf('pipe'), 'piped')])
  expect([await readFile(pathOf('file'), 'utf8'), await read]).toEqual(['linked', 'piped'])
  expect([(await lstat(pathOf('link'))).isSymbolicLink(), (await lstat(pathOf('pipe'))).isFIFO()]).toEqual([true, true])
})

test.each([
  ['a directory', 'folder', /folder is a directory/],
  ['a file in a folder that is not there', 'none/file', /ENOENT/],
  ['a file in a file', 'plain/file', /ENOTDIR/],
])('refuses %s before and when it writes, and leaves nothing', async (_, name, message) => {
  await mkdir(pathOf('folder'))
  await writeFile(pathOf('plain'), '')
  for (const refused of [checkOutput(pathOf(name)), writeOutput(pathOf(name), 'text')])
    await expect(refused).rejects.toThrow(message)
  expect(await readdir(directory.path)).toEqual(['folder', 'plain'])
})

test('passes an error of what is written on, and keeps the earlier file', async () => {
  await writeFile(pathOf('a'), 'before')
  const source = Readable.from(
    (async function* () {
      yield 'half'
      throw new Error('the service is gone')
    })(),
  )
  await expect(writeOutput(pathOf('a'), source)).rejects.toThrow(/^the service is gone$/)
  expect([await readdir(directory.path), await readFile(pathOf('a'), 'utf8')]).toEqual([['a'], 'before'])
})
