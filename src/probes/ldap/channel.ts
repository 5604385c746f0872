import type { Duplex } from 'node:stream'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { Deadline } from '../engine/deadline.ts'
import { recognize, recognizeEnded, type Spoke } from '../tls/first-bytes.ts'
import { BerError } from './ber.ts'
import { type Budget, createInbox, type Inbox } from './inbox.ts'
import { type Operation, responses } from './messages.ts'

/** Why there is no response; `spoke` if the peer never spoke LDAP. */
export interface ChannelFailure {
  failure: ReasonCode
  spoke?: Spoke
  /** The peer sent nothing, or TLS, such as an alert. */
  mayBeTls?: boolean
  /** The peer responded with a Notice of Disconnection, RFC 4511 section 4.4.1. */
  isNotice?: boolean
}

const notice: ChannelFailure = { failure: 'connection-closed', isNotice: true }

/** The decoded response, or why there is none. */
export type Reply<T> = { value: T } | ChannelFailure

/** LDAP over one stream, one operation at a time. */
export interface Channel {
  /** Sends one request and reads its response, by default within the deadline of the channel. Never rejects for what the peer does. */
  request<T>(operation: Operation<T>, within?: Deadline): Promise<Reply<T>>
  /** Stops reading. Returns true if unrequested bytes are buffered. */
  release(): boolean
  /** Flushes the final message and FIN; does nothing after a failure. */
  end(finalMessage: Buffer): Promise<void>
}

interface ChannelOptions {
  /** Bounds every wait. */
  deadline: Deadline
  /** Counts every byte from the peer. */
  budget: Budget
  /** Why the stream ended, with its error, if any. */
  explainLoss: (error?: NodeJS.ErrnoException | null) => ReasonCode
}

/** Opens LDAP on a stream that has no other reader. */
export function openChannel(stream: Duplex, { deadline, budget, explainLoss }: ChannelOptions): Channel {
  const inbox = createInbox(budget)
  let lost: ReasonCode | undefined
  let onInput = () => {}
  const lose = (error?: Error | null) => {
    lost ??= explainLoss(error)
    onInput()
  }
  const receive = (bytes: Buffer) => {
    inbox.add(bytes)
    if (inbox.tooLarge) stream.pause()
    onInput()
  }
  stream.pause().on('data', receive)
  stream.on('end', () => lose())
  stream.on('close', () => lose())
  stream.on('error', lose) // never removed, so that no later error is uncaught
  if (stream.destroyed) lose(stream.errored)

  return {
    request: <T>(operation: Operation<T>, within = deadline) =>
      new Promise<Reply<T>>((resolve) => {
        const settle = (outcome: Reply<T> | ReasonCode) => {
          onInput = () => {}
          cancelExpiry()
          if (typeof outcome === 'string') lost ??= outcome
          else if ('failure' in outcome) lost ??= outcome.failure
          resolve(typeof outcome === 'string' ? explain(outcome, inbox) : outcome)
        }
        const cancelExpiry = within.onExpiry(() => settle('protocol-timeout'))
        const before: Buffer[] = []
        onInput = () => {
          const outcome = takeResponse(inbox, operation, before) ?? lost
          if (outcome) settle(outcome)
        }
        if (!inbox.isEmpty) return settle('protocol-violation')
        stream.write(operation.bytes)
        stream.resume()
        onInput()
      }),
    release() {
      stream.off('data', receive).pause()
      return stream.readableLength > 0 || !inbox.isEmpty
    },
    async end(finalMessage) {
      if (lost) return
      const { promise, resolve } = Promise.withResolvers<void>()
      const cancelExpiry = deadline.onExpiry(resolve)
      onInput = resolve
      stream.end(finalMessage, () => resolve())
      await promise.finally(cancelExpiry)
    },
  }
}

/**
 * Takes the response to the operation, matched by message id and kind; undefined while it is incomplete.
 * Any extra byte, before or after, is a violation: it may be injected.
 */
function takeResponse<T>(inbox: Inbox, operation: Operation<T>, before: Buffer[]): Reply<T> | ReasonCode | undefined {
  if (inbox.isForeign) return recognize(inbox.opening) && 'protocol-mismatch'
  try {
    for (let message = inbox.next(); message; message = inbox.next()) {
      const { messageId, kind, content } = message
      if (messageId === 0 && kind === responses.extended) return notice
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
  const isEmpty = opening.length === 0
  if (isEmpty) return { failure, mayBeTls: true, ...(failure === 'protocol-timeout' && { spoke: 'nothing' }) }
  if (!isForeign) return { failure }
  const spoke = recognizeEnded(opening)
  return { failure: 'protocol-mismatch', ...(spoke === 'tls' ? { spoke: 'other', mayBeTls: true } : { spoke }) }
}

const losses: Partial<Record<string, ReasonCode>> = {
  ECONNRESET: 'connection-reset',
  ECONNABORTED: 'connection-reset',
  EPIPE: 'connection-closed', // Linux: reset after FIN; without FIN, ECONNRESET
  ETIMEDOUT: 'protocol-timeout',
}

/** Why a plain connection ended. */
export function explainSocketLoss(error?: NodeJS.ErrnoException | null): ReasonCode {
  return error ? (losses[error.code ?? ''] ?? 'local-failure') : 'connection-closed'
}
