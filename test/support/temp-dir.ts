import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterDeath } from './reaper.ts'

export interface TempDir {
  path: string
  remove: () => Promise<void>
}

/** A new temporary directory with a short path, for Unix sockets; removed at exit at the latest. */
export async function makeTempDir(name: string, parent = tmpdir()): Promise<TempDir> {
  const path = await mkdtemp(join(parent, `portwarden-${name}-`))
  const forget = afterDeath(['rm', '-rf', path])
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true, maxRetries: 3 })
      forget()
    },
  }
}
