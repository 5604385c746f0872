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
const place = (name: string) => join(directory.path, name)

test('replaces a file and leaves no other', async () => {
  await writeFile(place('a'), 'before')
  await checkOutput(place('a'))
  await writeOutput(place('a'), 'after')
  await writeOutput(place('b'), Readable.from(['pie', 'ces']))
  expect([await readFile(place('a'), 'utf8'), await readFile(place('b'), 'utf8')]).toEqual(['after', 'pieces'])
  expect(await readdir(directory.path)).toEqual(['a', 'b'])
})

test('a link stays a link, and a pipe a pipe', async () => {
  await writeFile(place('file'), '')
  await symlink('file', place('link'))
  execFileSync('mkfifo', [place('pipe')])
  for (const name of ['link', 'pipe']) await checkOutput(place(name))
  const read = readFile(place('pipe'), 'utf8')
  await Promise.all([writeOutput(place('link'), 'linked'), writeOutput(place('pipe'), 'piped')])
  expect([await readFile(place('file'), 'utf8'), await read]).toEqual(['linked', 'piped'])
  expect([(await lstat(place('link'))).isSymbolicLink(), (await lstat(place('pipe'))).isFIFO()]).toEqual([true, true])
})

test.each([
  ['a directory', 'folder', /folder is a directory/],
  ['a place in a folder that is not there', 'none/file', /ENOENT/],
  ['a place in a file', 'plain/file', /ENOTDIR/],
])('refuses %s before and when it writes, and leaves nothing', async (_, name, message) => {
  await mkdir(place('folder'))
  await writeFile(place('plain'), '')
  for (const refused of [checkOutput(place(name)), writeOutput(place(name), 'text')])
    await expect(refused).rejects.toThrow(message)
  expect(await readdir(directory.path)).toEqual(['folder', 'plain'])
})

test('passes an error of what is written on, and keeps the earlier file', async () => {
  await writeFile(place('a'), 'before')
  const source = Readable.from(
    (async function* () {
      yield 'half'
      throw new Error('the service is gone')
    })(),
  )
  await expect(writeOutput(place('a'), source)).rejects.toThrow(/^the service is gone$/)
  expect([await readdir(directory.path), await readFile(place('a'), 'utf8')]).toEqual([['a'], 'before'])
})
