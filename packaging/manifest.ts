import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './modules.ts'

type Versions = Record<string, string>

export interface Manifest {
  version: string
  description: string
  license: string
  engines: Versions
  dependencies: Versions
  optionalDependencies: Versions
}

export const readManifest = (): Manifest => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

/** The imported packages with their versions. Throws an Error for one that is no dependency. */
export function dependenciesOf(
  imported: readonly string[],
  { dependencies, optionalDependencies }: Manifest,
): Pick<Manifest, 'dependencies' | 'optionalDependencies'> {
  const missing = imported.filter((name) => !(name in dependencies) && !(name in optionalDependencies))
  if (missing.length > 0) throw new Error(`src imports ${missing.join(', ')}: add it to the dependencies`)
  const select = (versions: Versions) =>
    Object.fromEntries(Object.entries(versions).filter(([name]) => imported.includes(name)))
  return { dependencies: select(dependencies), optionalDependencies: select(optionalDependencies) }
}
