import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import type { Config } from '../../config/index.ts'
import { checkPrivateDirectory } from '../../store/access/private-path.ts'
import { type Check, fail, ok, warn } from './check.ts'

const name = 'data directory'
const leastFree = 2 ** 30

/** Whether the data directory belongs to this user alone, and has room. */
export function checkDataDirectory({ dataDir }: Pick<Config, 'dataDir'>): Check {
  if (!existsSync(dataDir)) return ok(name, `${dataDir} does not exist yet: the first start creates it`)
  checkPrivateDirectory(dataDir)
  try {
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch {
    return fail(name, `this user may not write to ${dataDir}: run this command as the user of the service`)
  }
  const { bavail, bsize } = statfsSync(dataDir)
  const free = bavail * bsize
  if (free < leastFree)
    return warn(
      name,
      `${dataDir} has ${Math.floor(free / 2 ** 20)} MiB left: imports and the embedded PostgreSQL need more`,
    )
  return ok(name, `${dataDir}, ${Math.floor(free / 2 ** 30)} GiB free`)
}
