import type { Service } from '../connection/api.ts'
import type { Progress } from './follow.ts'

interface Vantage {
  name: string
  absent: boolean
  lastSeenAt: string | null
}

/** Begins the line of a terminal again. */
const line = '\r\x1b[K'

/** Shows on standard error how far an audit is: on a terminal in one line, and everywhere for which absent vantages it waits. */
export function createProgress(service: Service) {
  const named = new Set<string>()
  const isTerminal = process.stderr.isTTY
  return {
    async show({ progress, vantages = [], startedAt, deadlineAt }: Progress): Promise<void> {
      if (isTerminal) process.stderr.write(`${line}${progress.done} of ${progress.total} checks`)
      const waiting = vantages.filter(({ name, done, total }) => done < total && !named.has(name))
      if (waiting.length === 0 || startedAt === null) return
      const known = new Map<string, Vantage>()
      for await (const vantage of service.items<Vantage>('/v1/vantages')) known.set(vantage.name, vantage)
      for (const { name } of waiting) {
        const { absent = true, lastSeenAt = null } = known.get(name) ?? {}
        if (!absent) continue
        named.add(name)
        const wasAway = lastSeenAt === null || Date.parse(lastSeenAt) < Date.parse(startedAt)
        const until =
          wasAway && service.vantageWaitMs !== undefined
            ? Date.parse(startedAt) + service.vantageWaitMs
            : Date.parse(deadlineAt ?? startedAt)
        const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000))
        const seen = lastSeenAt === null ? 'was never seen' : `was last seen ${lastSeenAt}`
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
