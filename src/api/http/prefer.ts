import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'

/** Longest wait for the end of what a request made. */
export const maxWaitSeconds = 15

/** The header `Prefer` of an operation that can wait for an end. */
export const waitHeaders = (what: string) => ({
  prefer: Type.Optional(
    Type.String({
      maxLength: 200,
      description: `\`wait=N\` waits up to N seconds (at most ${maxWaitSeconds}) for the end of the ${what} (RFC 7240)`,
      examples: ['wait=10'],
    }),
  ),
})

interface Awaited<T> {
  find(): Promise<T>
  hasEnded(found: NoInfer<T>): boolean
  /** Resolves at the end, or after this time. */
  waitForEnd(ms: number): Promise<void>
}

/** Reads an object; waits for its end as long as the caller prefers to. */
export async function findAfterWait<T>(
  { find, hasEnded, waitForEnd }: Awaited<T>,
  { prefer, reply }: { prefer?: string; reply: FastifyReply },
): Promise<T> {
  const seconds = Math.min(Number(/(?:^|[,;\s])wait=(\d{1,5})\b/.exec(prefer ?? '')?.[1] ?? 0), maxWaitSeconds)
  if (seconds === 0) return find()
  reply.header('preference-applied', `wait=${seconds}`)
  const ended = waitForEnd(seconds * 1000)
  const found = await find()
  if (hasEnded(found)) return found
  await ended
  return find()
}
