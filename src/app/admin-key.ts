import { join } from 'node:path'
import { createAdminKey } from '../operations/access/create-key.ts'
import { readSecretFile, replaceSecretFile } from '../store/access/secret-file.ts'
import type { App } from './app.ts'

const name = 'admin'

/** Creates the first admin key and returns the path of its file; undefined when another process created the key. */
export async function ensureAdminKey(app: App, dataDir: string): Promise<string | undefined> {
  const file = join(dataDir, 'admin.key')
  const stored = readSecretFile(file)
  if (stored !== undefined && (await app.stores.keys.authenticate(stored, new Date()))) return file
  if (!app.ownsDatabase && (await app.stores.keys.exists(name))) return undefined
  replaceSecretFile(file, await createAdminKey(app, name))
  return file
}
