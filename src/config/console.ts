import { fileURLToPath } from 'node:url'
import type { Values } from './env.ts'

export interface ConsoleSettings {
  /** The folder with the built console. */
  directory: string
  /** How long a session lasts without use. */
  idleMs: number
  /** How long a session lasts in all. */
  maxMs: number
}

const minute = 60_000

/** Reads the settings of the pages for people; undefined: there are none. */
export function readConsole({ flag, integer }: Values): ConsoleSettings | undefined {
  if (!flag('PORTWARDEN_UI', true)) return undefined
  return {
    directory: fileURLToPath(new URL('../../dist/console', import.meta.url)),
    idleMs: integer('PORTWARDEN_SESSION_IDLE_MINUTES', 30, [1, 1_440]) * minute,
    maxMs: integer('PORTWARDEN_SESSION_HOURS', 8, [1, 168]) * 60 * minute,
  }
}
