import { cp, glob, mkdir, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type OutputChunk, rolldown } from 'rolldown'

export const root = join(import.meta.dirname, '..')

/** Packages that become part of ours: of the 73 MB of @prisma/client, the client of PostgreSQL takes 5. */
export const builtIn: ReadonlySet<string> = new Set([
  '@prisma/adapter-pg',
  '@prisma/client',
  '@prisma/client-runtime-utils',
  '@prisma/debug',
  '@prisma/driver-adapter-utils',
  'postgres-array',
])

/**
 * Writes the modules of src that the entries reach to `directory` as JavaScript, each at its path in src, with the data files
 * beside them. Returns the names of the packages that they import.
 */
export async function buildModules(entries: readonly string[], directory: string): Promise<string[]> {
  await rm(directory, { recursive: true, force: true })
  const bundle = await rolldown({
    input: [...entries],
    cwd: root,
    platform: 'node',
    external: (id) => !/^[./]/.test(id) && !builtIn.has(packageOf(id)),
    treeshake: false,
  })
  const { output } = await bundle.write({
    dir: directory,
    preserveModules: true,
    preserveModulesRoot: 'src',
    // npm leaves folders of this name out of packages.
    entryFileNames: ({ name }) => `${name.replace(/^node_modules\//, 'vendor/')}.js`,
  })
  await bundle.close()
  const chunks = output.filter((one) => one.type === 'chunk')
  const modules = chunks.flatMap(({ moduleIds }) => moduleIds)
  await copyData(modules, directory)
  await copyLicences(modules, directory)
  return packagesOf(chunks)
}

function packagesOf(chunks: readonly OutputChunk[]): string[] {
  const written = new Set(chunks.map(({ fileName }) => fileName))
  const imported = chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports])
  return [...new Set(imported.filter((id) => !written.has(id) && !id.startsWith('node:')).map(packageOf))].sort()
}

/** The name of the package that a specifier names. */
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

async function copyData(modules: readonly string[], directory: string): Promise<void> {
  const folders = new Set(modules.map((path) => dirname(path)))
  for await (const file of glob('src/**/*.yaml', { cwd: root }))
    if (folders.has(join(root, dirname(file)))) await cp(join(root, file), join(directory, relative('src', file)))
}

/** What is built in brings its licence along, as the licences demand. */
async function copyLicences(modules: readonly string[], directory: string): Promise<void> {
  const names = modules.flatMap((id) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1] ?? [])
  for (const name of new Set(names)) {
    const [from, to] = [join(root, 'node_modules', name), join(directory, 'vendor', name)]
    await mkdir(to, { recursive: true })
    for await (const file of glob(['LICENSE*', 'license*'], { cwd: from })) await cp(join(from, file), join(to, file))
  }
}
