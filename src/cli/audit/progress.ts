import type { Progress } from './follow.ts'

/** Begins the line of a terminal again. */
const line = '\r\x1b[K'

/** Shows on standard error how far an audit is: on a terminal in one line, and everywhere for which absent vantages it waits. */
export function createProgress() {
  const named = new Set<string>()
  const isTerminal = process.stderr.isTTY
  return {
    show({ progress, vantages = [] }: Progress): void {
      if (isTerminal) process.stderr.write(`${line}${progress.done} of ${progress.total} checks`)
      for (const { name, lastSeenAt, waitsUntil } of vantages) {
        if (!waitsUntil || named.has(name)) continue
        named.add(name)
        const seconds = Math.max(0, Math.ceil((Date.parse(waitsUntil) - Date.now()) / 1000))
        const seen = lastSeenAt ? `was last seen ${lastSeenAt}` : 'was never seen'
        process.stderr.write(
          `${isTerminal ? line : ''}waiting up to ${seconds} s for the vantage ${name}, which ${seen}; then its checks are not checked\n`,
        )
      }
    },
    clear(): void {
      if (isTerminal) process.stderr.write(line)
    },
  }
}
