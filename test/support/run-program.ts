import { Readable } from 'node:stream'
import { vi } from 'vitest'
import { runProgram } from '../../src/cli/command.ts'
import { createProgram } from '../../src/cli/program.ts'

export interface Ran {
  code: number
  stdout: string
  stderr: string
}

/**
 * Runs a command of the program in this process: a process of its own takes seconds. One at a time, because the environment and the
 * streams belong to the process.
 */
export async function runInProcess(
  argv: readonly string[],
  { env = {}, stdin }: { env?: NodeJS.ProcessEnv; stdin?: string } = {},
): Promise<Ran> {
  const written = { stdout: '', stderr: '' }
  const { exitCode } = process
  const input = Object.getOwnPropertyDescriptor(process, 'stdin') as PropertyDescriptor
  const outer = process.env
  const errors = process.stdout.listeners('error')
  const spies = [
    ...(['stdout', 'stderr'] as const).map((name) =>
      vi.spyOn(process[name], 'write').mockImplementation((text) => {
        written[name] += String(text)
        return true
      }),
    ),
    vi.spyOn(console, 'error').mockImplementation((text) => {
      written.stderr += `${text}\n`
    }),
  ]
  process.env = { PATH: outer.PATH, ...env }
  if (stdin !== undefined)
    Object.defineProperty(process, 'stdin', { value: Readable.from([Buffer.from(stdin)]), configurable: true })
  try {
    process.exitCode = 0
    await runProgram(createProgram(), argv)
    return { code: Number(process.exitCode), ...written }
  } finally {
    for (const spy of spies) spy.mockRestore()
    for (const listener of process.stdout.listeners('error'))
      if (!errors.includes(listener)) process.stdout.removeListener('error', listener as () => void)
    process.env = outer
    process.exitCode = exitCode
    Object.defineProperty(process, 'stdin', input)
  }
}
