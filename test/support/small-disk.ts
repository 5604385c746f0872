import { chown, mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mustRun } from './processes.ts'
import { afterDeath } from './reaper.ts'
import { makeTempDir } from './temp-dir.ts'

/** A small in-memory file system with a directory for PostgreSQL; needs root. */
export interface SmallDisk {
  /** A directory of the user `postgres`. */
  tablespace: string
  /** Fills the disk. */
  fill(): Promise<void>
  /** Frees this many bytes on a full disk. */
  spare(bytes: number): Promise<void>
  /** Frees all space. */
  free(): Promise<void>
  remove(): Promise<void>
}

export async function mountSmallDisk(megabytes: number): Promise<SmallDisk> {
  const { path, remove } = await makeTempDir('small-disk')
  await mustRun('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'none', path])
  const forget = afterDeath(['umount', '--lazy', path])
  const tablespace = join(path, 'tablespace')
  const filler = join(path, 'filler')
  await mkdir(tablespace)
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (which) => Number(await mustRun('id', [which, 'postgres']))),
  )
  await chown(tablespace, uid ?? 0, gid ?? 0)
  return {
    tablespace,
    async fill() {
      const full = await writeFile(filler, Buffer.alloc((megabytes + 1) * 1024 * 1024)).catch((error: unknown) => error)
      if ((full as NodeJS.ErrnoException | undefined)?.code !== 'ENOSPC') throw new Error('the disk is not full')
    },
    spare: async (bytes) => truncate(filler, (await stat(filler)).size - bytes),
    free: () => rm(filler),
    async remove() {
      await mustRun('umount', ['--lazy', path])
      forget()
      await remove()
    },
  }
}
