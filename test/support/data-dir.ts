import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { clusterHome } from '../../src/store/db/embedded/index.ts'
import { afterDeath } from './reaper.ts'
import { makeTempDir } from './temp-dir.ts'

/** A path for a new data directory. */
export interface DataDir {
  path: string
  /** The process id of its PostgreSQL; undefined if not running. */
  postmaster(): number | undefined
  /** Stops its PostgreSQL and removes everything. */
  remove(): Promise<void>
}

export async function makeDataDir(): Promise<DataDir> {
  const directory = await makeTempDir('data')
  const path = join(directory.path, 'data')
  const home = clusterHome(path)
  const lock = join(home, 'postgres', 'postmaster.pid')
  const end = `[ -e ${lock} ] && kill -QUIT $(head -n 1 ${lock}); sleep 0.5; rm -rf ${home}`
  const forget = afterDeath(['sh', '-c', end])
  const postmaster = () => (existsSync(lock) ? Number.parseInt(readFileSync(lock, 'utf8'), 10) : undefined)
  return {
    path,
    postmaster,
    async remove() {
      const pid = postmaster()
      if (pid !== undefined) process.kill(pid, 'SIGKILL')
      await rm(home, { recursive: true, force: true, maxRetries: 3 })
      forget()
      await directory.remove()
    },
  }
}
