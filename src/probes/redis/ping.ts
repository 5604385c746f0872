import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { RedisFacts } from '../../domain/protocols/redis.ts'
import type { Wire } from '../network/wire.ts'
import { recognizeEnded, recognizeInstead } from '../tls/first-bytes.ts'

type Shown = Omit<NonNullable<RedisFacts['redis']>, 'encryption'>

/** What PING showed. Without `shown` the peer spoke no Redis. */
export interface Pong {
  reason: ReasonCode
  shown?: Shown
  spoke?: RedisFacts['spoke']
  /** The response was a record of TLS. */
  sentTls?: boolean
}

const ping = Buffer.from('*1\r\n$4\r\nPING\r\n')
const maxLineBytes = 4096

/** An error of RESP: its code is the first word, in capitals. */
const errorLine = /^-([A-Z]{2,30})(?: |$)/

const knownErrors: Readonly<Record<string, Pong>> = {
  NOAUTH: { reason: 'redis-authentication-required', shown: { authentication: 'required' } },
  DENIED: { reason: 'redis-protected-mode', shown: { authentication: 'protected-mode' } },
}

/** Sends PING and reads one simple reply (RESP: redis.io/docs/latest/develop/reference/protocol-spec). */
export async function exchangePing(wire: Wire): Promise<Pong> {
  wire.send(ping)
  const line = await wire.takeLine(maxLineBytes)
  if (!Buffer.isBuffer(line)) return explain(line, wire.rest())
  const text = line.toString('latin1')
  if (text === '+PONG') return { reason: 'redis-without-authentication', shown: { authentication: 'none' } }
  // Redis before 2.8 has no code of its own for this.
  if (text === '-ERR operation not permitted') return { ...knownErrors.NOAUTH } as Pong
  const [, error] = errorLine.exec(text) ?? []
  if (error === undefined) return foreign(line)
  return knownErrors[error] ?? { reason: 'redis-refused', shown: { error } }
}

const foreign = (first: Buffer): Pong =>
  recognizeEnded(first) === 'tls'
    ? { reason: 'protocol-mismatch', sentTls: true }
    : { reason: 'protocol-mismatch', spoke: recognizeInstead(first) }

function explain(ending: Exclude<Awaited<ReturnType<Wire['takeLine']>>, Buffer>, first: Buffer): Pong {
  if (ending === 'local-resources' || ending === 'local-failure') return { reason: ending }
  if (ending === 'not-a-line' || (first.length > 0 && !/^[+-]/.test(first.toString('latin1')))) return foreign(first)
  return { reason: ending, ...(first.length === 0 && { spoke: 'nothing' }) }
}
