import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAdminKey } from '../operations/access/create-key.ts'
import type { App } from './app.ts'

const name = 'admin'

/** Creates the first admin key and returns the path of its file; undefined when another process created the key. */
export async function ensureAdminKey(app: App, dataDir: string): Promise<string | undefined> {
  const file = join(dataDir, 'admin.key')
  const stored = await readFile(file, 'utf8').catch(() => undefined)
  if (stored !== undefined && (await app.stores.keys.authenticate(stored.trim(), new Date()))) return file
  if (!app.ownsDatabase && (await app.stores.keys.exists(name))) return undefined
  const key = await createAdminKey(app, name)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeFile(file, `${key}\n`, { mode: 0o600 })
  await chmod(file, 0o600) // writeFile keeps the mode of an existing file
  return file
}
