import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Value } from 'typebox/value'
import { Delivery, leaseId } from '../../domain/vantages/lease.ts'

export type Spool = Awaited<ReturnType<typeof openSpool>>

const named = RegExp(`^(${leaseId.slice(1, -1)})\\.json$`)

/** Files that are set aside, at most. */
const maxAside = 20

/**
 * Undelivered observations, one file per lease, written atomically. The size is bounded: an agent leases nothing while the
 * spool holds as many batches as it may run.
 */
export async function openSpool(directory: string) {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const fileOf = (id: string) => join(directory, `${id}.json`)
  return {
    /** The stored leases, oldest first. */
    async list(): Promise<string[]> {
      const ids = (await readdir(directory)).flatMap((file) => named.exec(file)?.[1] ?? [])
      return ids.sort(byBatch)
    },

    async put(id: string, delivery: Delivery): Promise<void> {
      const draft = join(directory, `${id}.draft`)
      const file = await open(draft, 'w', 0o600)
      try {
        await file.writeFile(JSON.stringify(delivery))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(draft, fileOf(id))
    },

    /** Undefined when the file is missing or invalid. */
    async read(id: string): Promise<Delivery | undefined> {
      try {
        const delivery: unknown = JSON.parse(await readFile(fileOf(id), 'utf8'))
        return Value.Check(Delivery, delivery) ? delivery : undefined
      } catch {
        return undefined
      }
    },

    /** Keeps a delivery that cannot be delivered for an operator, the newest ones; returns the file. */
    async setAside(id: string): Promise<string> {
      const aside = join(directory, `${id}.rejected`)
      await rename(fileOf(id), aside)
      const files = (await readdir(directory)).filter((file) => file.endsWith('.rejected')).sort(byBatch)
      for (const file of files.slice(0, -maxAside)) await rm(join(directory, file), { force: true })
      return aside
    },

    remove: (id: string) => rm(fileOf(id), { force: true }),
  }
}

const byBatch = (a: string, b: string) => Number.parseInt(a, 10) - Number.parseInt(b, 10)
