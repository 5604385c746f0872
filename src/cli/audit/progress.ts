import type { Service } from '../connection/api.ts'
import type { Progress } from './follow.ts'

interface Vantage {
  name: string
  absent: boolean
  lastSeenAt: string | null
}

/** Shows on standard error how far an audit is: on a terminal in one line, and everywhere for which absent vantages it waits. */
export function createProgress(service: Service) {
  const named = new Set<string>()
  const isTerminal = process.stderr.isTTY
  return {
    async show({ progress, vantages = [], deadlineAt }: Progress): Promise<void> {
      if (isTerminal) process.stderr.write(`\r\x1b[K${progress.done} of ${progress.total} checks`)
      const waiting = vantages.filter(({ name, done, total }) => done < total && !named.has(name))
      if (waiting.length === 0) return
      const known = new Map<string, Vantage>()
      for await (const vantage of service.items<Vantage>('/v1/vantages')) known.set(vantage.name, vantage)
      for (const { name } of waiting) {
        const vantage = known.get(name)
        if (vantage && !vantage.absent) continue
        named.add(name)
        const seen = vantage?.lastSeenAt ? `last seen ${vantage.lastSeenAt}` : 'never seen'
        if (isTerminal) process.stderr.write('\r\x1b[K')
        console.error(
          `portwarden: waits for the vantage ${name}, which is absent (${seen}), until ${deadlineAt} at the latest`,
        )
      }
    },
    clear(): void {
      if (isTerminal) process.stderr.write('\r\x1b[K')
    },
  }
}
