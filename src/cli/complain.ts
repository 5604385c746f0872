import { showControls } from '../domain/text.ts'

/** Says on standard error what went wrong, with where in the code unless it was expected. It may quote what others wrote. */
export function complain(error: unknown, expected: boolean): void {
  const text = error instanceof Error ? (expected ? error.message : error.stack) : error
  console.error(`portwarden: ${showControls(String(text))}`)
}
