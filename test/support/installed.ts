import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { mustRun, type Output, run } from './processes.ts'

export const root = resolve(import.meta.dirname, '../..')

/** The Node of the tests before that of the system. */
export const path = `${dirname(process.execPath)}:${process.env.PATH}`

/** Packs a folder as it is built; returns the path of the package. */
export async function pack(folder: string, destination: string): Promise<string> {
  const argv = ['pack', '--ignore-scripts', '--json', '--pack-destination', destination]
  const [packed] = JSON.parse(await mustRun('npm', argv, { cwd: folder })) as { filename: string }[]
  return join(destination, packed?.filename ?? '')
}

export interface Installed {
  directory: string
  /** Runs a command of the package, without the settings of the test runner. */
  npx(argv: readonly string[], env?: Record<string, string>): Promise<Output>
  /** Removes optional packages, as `npm install --omit=optional` does from the beginning. */
  omitOptional(): Promise<void>
  /** Mebibytes on disk. */
  sizeMib(): Promise<number>
}

/** Installs a package in an empty folder, from npm's cache where that has it, without install scripts. */
export async function install(tarball: string, directory: string): Promise<Installed> {
  await mkdir(directory)
  const { HOME } = process.env
  const npmEnv = { PATH: path, HOME }
  const npm = (...argv: string[]) => mustRun('npm', argv, { cwd: directory, env: npmEnv })
  await npm('install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', tarball)
  return {
    directory,
    npx: (command, env) => run('npx', ['--no-install', ...command], { cwd: directory, env: { ...npmEnv, ...env } }),
    omitOptional: async () => void (await npm('prune', '--omit=optional', '--no-audit', '--no-fund')),
    async sizeMib() {
      const [kib] = (await mustRun('du', ['-sk', join(directory, 'node_modules')])).split('\t')
      return Number(kib) / 1024
    },
  }
}
