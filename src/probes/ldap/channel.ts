import type { Duplex } from 'node:stream'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Deadline } from '../engine/deadline.ts'
import { recognize, recognizeEnded, type Spoke } from '../tls/first-bytes.ts'
import { BerError } from './ber.ts'
import { type Budget, createInbox, type Inbox } from './inbox.ts'
import { type Operation, responses } from './messages.ts'

/** Why there is no answer, and what the peer spoke if it never spoke LDAP. */
export interface ChannelFailure {
  failure: ReasonCode
  spoke?: Spoke
}

/** What a request brought. */
export type Answer<T> = { value: T } | ChannelFailure

/** One stream on which LDAP is spoken, one operation at a time. */
export interface Channel {
  /** Sends one request and reads what answers it. Never throws for what the peer does. */
  ask<T>(operation: Operation<T>): Promise<Answer<T>>
  /** Stops reading, for whoever uses the stream next. True if bytes lie in it that nobody asked for. */
  release(): boolean
  /** Sends the last words and FIN, and waits until they are on their way. Does nothing once there was trouble. */
  end(farewell: Buffer): Promise<void>
}

interface ChannelOptions {
  /** All waiting is under it. */
  deadline: Deadline
  /** All that the peer sends is counted against it. */
  budget: Budget
  /** Why the stream ended, given the error if it had one. */
  explainLoss: (error?: NodeJS.ErrnoException | null) => ReasonCode
}

/** Speaks LDAP on a stream from which nobody reads. */
export function openChannel(stream: Duplex, { deadline, budget, explainLoss }: ChannelOptions): Channel {
  const inbox = createInbox(budget)
  let lost: ReasonCode | undefined
  let look = () => {}
  const lose = (error?: Error | null) => {
    lost ??= explainLoss(error)
    look()
  }
  const receive = (bytes: Buffer) => {
    inbox.add(bytes)
    if (inbox.tooLarge) stream.pause()
    look()
  }
  stream.pause().on('data', receive)
  stream.on('end', () => lose())
  stream.on('close', () => lose())
  stream.on('error', lose) // it stays: no later error goes uncaught
  if (stream.destroyed) lose(stream.errored)

  return {
    ask: <T>(operation: Operation<T>) =>
      new Promise<Answer<T>>((resolve) => {
        const settle = (answer: { value: T } | ReasonCode) => {
          look = () => {}
          cancelExpiry()
          if (typeof answer === 'string') lost ??= answer
          resolve(typeof answer === 'string' ? explain(answer, inbox) : answer)
        }
        const cancelExpiry = deadline.onExpiry(() => settle('protocol-timeout'))
        const before: Buffer[] = []
        look = () => {
          const answer = takeResponse(inbox, operation, before) ?? lost
          if (answer) settle(answer)
        }
        if (!inbox.isEmpty) return settle('protocol-violation')
        stream.write(operation.bytes)
        stream.resume()
        look()
      }),
    release() {
      stream.off('data', receive).pause()
      return stream.readableLength > 0 || !inbox.isEmpty
    },
    async end(farewell) {
      if (lost) return
      const { promise, resolve } = Promise.withResolvers<void>()
      const cancelExpiry = deadline.onExpiry(resolve)
      look = resolve
      stream.end(farewell, () => resolve())
      await promise.finally(cancelExpiry)
    },
  }
}

/**
 * Takes exactly what answers the operation, by message id and kind; undefined while it is not all here. A byte more,
 * before it or after, is a violation: so would somebody speak who wants to answer in the name of the directory.
 */
function takeResponse<T>(
  inbox: Inbox,
  operation: Operation<T>,
  before: Buffer[],
): { value: T } | ReasonCode | undefined {
  if (inbox.isForeign) return recognize(inbox.opening) && 'protocol-mismatch'
  try {
    for (let message = inbox.next(); message; message = inbox.next()) {
      const { messageId, kind, content } = message
      // RFC 4511 section 4.4: an unsolicited notification has message id 0, and the only one there is says goodbye.
      if (messageId === 0 && kind === responses.extended) return 'connection-closed'
      if (messageId !== operation.messageId) return 'protocol-violation'
      if (kind === operation.last) {
        return inbox.isEmpty ? { value: operation.decode(content, before[0]) } : 'protocol-violation'
      }
      if (kind !== operation.before || before.length > 0) return 'protocol-violation'
      before.push(content)
    }
    return inbox.tooLarge ? 'response-too-large' : undefined
  } catch (error) {
    if (error instanceof BerError) return 'protocol-violation'
    throw error
  }
}

function explain(failure: ReasonCode, { isForeign, opening }: Inbox): ChannelFailure {
  if (isForeign) {
    const spoke = recognizeEnded(opening)
    return { failure: 'protocol-mismatch', spoke: spoke === 'tls' ? 'other' : spoke }
  }
  return failure === 'protocol-timeout' && opening.length === 0 ? { failure, spoke: 'nothing' } : { failure }
}

const losses: Partial<Record<string, ReasonCode>> = {
  ECONNRESET: 'connection-reset',
  ECONNABORTED: 'connection-reset',
  EPIPE: 'connection-closed', // Linux: a reset after FIN; without FIN it is ECONNRESET
  ETIMEDOUT: 'protocol-timeout',
}

/** Why a plain connection ended. */
export function explainSocketLoss(error?: NodeJS.ErrnoException | null): ReasonCode {
  return error ? (losses[error.code ?? ''] ?? 'local-failure') : 'connection-closed'
}
