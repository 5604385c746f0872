import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { mustRun, type Output, run } from './processes.ts'

export const root = resolve(import.meta.dirname, '../..')

/** The Node of the tests before that of the system. */
const path = `${dirname(process.execPath)}:${process.env.PATH}`

/** Packs a folder as it is built; returns the path of the package. */
export async function pack(folder: string, destination: string): Promise<string> {
  const argv = ['pack', '--ignore-scripts', '--json', '--pack-destination', destination]
  const [packed] = JSON.parse(await mustRun('npm', argv, { cwd: folder })) as { filename: string }[]
  return join(destination, packed?.filename ?? '')
}

export interface Installed {
  /** Runs a command of the package, without the settings of the test runner. */
  npx(argv: readonly string[], env?: Record<string, string>): Promise<Output>
  directory: string
  /** Mebibytes on disk. */
  sizeMib: number
}

/** Installs a package in an empty folder, from npm's cache where that has it, without install scripts. */
export async function install(tarball: string, directory: string, flags: readonly string[] = []): Promise<Installed> {
  await mkdir(directory)
  const argv = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', ...flags, tarball]
  const { HOME } = process.env
  const npmEnv = { PATH: path, HOME }
  await mustRun('npm', argv, { cwd: directory, env: npmEnv })
  const [kib] = (await mustRun('du', ['-sk', join(directory, 'node_modules')])).split('\t')
  return {
    directory,
    sizeMib: Number(kib) / 1024,
    npx: (command, env) => run('npx', ['--no-install', ...command], { cwd: directory, env: { ...npmEnv, ...env } }),
  }
}
