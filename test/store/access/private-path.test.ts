import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  checkPrivateDirectory,
  ensurePrivateDirectory,
  UntrustedPathError,
} from '../../../src/store/access/private-path.ts'
import { ensureSecretFile, readSecretFile } from '../../../src/store/access/secret-file.ts'
import { makeTempDir } from '../../support/temp-dir.ts'

async function temporary(): Promise<string> {
  const { path, remove } = await makeTempDir('private')
  onTestFinished(remove)
  return path
}

test('a data directory is created for this user alone, and found again', async () => {
  const path = join(await temporary(), 'a', 'data')
  expect(ensurePrivateDirectory(path)).toBe(path)
  expect(ensurePrivateDirectory(path)).toBe(path)
})

test('a link to a data directory leads to the directory, which is what is checked', async () => {
  const directory = await temporary()
  await mkdir(join(directory, 'data'), { mode: 0o700 })
  await symlink('data', join(directory, 'link'))
  expect(ensurePrivateDirectory(join(directory, 'link'))).toBe(join(directory, 'data'))
})

test.each([
  ['others', 0o707],
  ['its group', 0o770],
  ['all users', 0o777],
])('a data directory that %s may write is refused, with the remedy', async (_, mode) => {
  const path = join(await temporary(), 'data')
  await mkdir(path)
  await chmod(path, mode)
  expect(() => ensurePrivateDirectory(path)).toThrow(UntrustedPathError)
  expect(() => ensurePrivateDirectory(path)).toThrow(`chmod go-w ${path}`)
})

test('a data directory of another user is refused', async () => {
  const path = await temporary()
  expect(() => checkPrivateDirectory(path, 4_711)).toThrow(/belongs to the user with the id \d+, not to 4711/)
})

test('a data directory in one that all users may write is refused, unless that is sticky', async () => {
  const parent = join(await temporary(), 'open')
  const path = join(parent, 'data')
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(parent, 0o777)
  expect(() => ensurePrivateDirectory(path)).toThrow(`chmod o-w ${parent}`)
  await chmod(parent, 0o1777)
  expect(ensurePrivateDirectory(path)).toBe(path)
})

test('a key file that is a link, that others may write, or that is no file is refused and not used', async () => {
  const directory = await temporary()
  const [link, open, folder] = ['link.key', 'open.key', 'folder.key'].map((name) => join(directory, name))
  await writeFile(join(directory, 'elsewhere'), 'planted', { mode: 0o600 })
  await symlink('elsewhere', String(link))
  await writeFile(String(open), 'planted')
  await chmod(String(open), 0o666)
  await mkdir(String(folder), { mode: 0o700 })
  for (const path of [link, open, folder]) {
    expect(() => readSecretFile(String(path))).toThrow(UntrustedPathError)
    expect(() => ensureSecretFile(String(path), () => 'own')).toThrow(UntrustedPathError)
  }
})
