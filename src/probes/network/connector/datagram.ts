import { createSocket, type Socket } from 'node:dgram'
import { parseLiteral } from '../ip-literal.ts'
import { type CancelSignal, type IcmpMessage, notLiteral } from './connector.ts'
import type { Calls } from './system/calls.ts'
import { constants as c } from './system/layout.ts'
import { icmpMessage } from './system/records.ts'

/** One datagram to a literal address, and the wait for a reply. The caller has checked the egress policy. */
export interface DatagramAttempt {
  address: string
  port: number
  datagram: Uint8Array
  /** Whether a datagram of the peer is the reply; others are ignored. */
  accepts(reply: Buffer): boolean
  /** Ends the wait; `canceled` without a reply. */
  signal: CancelSignal
  /** Whether the senders of ICMP messages are wanted, for which system calls are needed. */
  knowsIcmp: boolean
}

/** How an attempt ended. */
export interface DatagramResult {
  /** `received`, `canceled` (by the signal), or the error code of the system, such as ECONNREFUSED. */
  outcome: string
  /** The datagram could not be sent, so the network cannot be the cause. */
  immediate: boolean
  /** Milliseconds from sending. */
  elapsedMs: number
  icmp?: IcmpMessage
  reply?: Buffer
}

/** Sends one datagram from a socket of its own, which only this peer can reach. Rejects with RangeError for a name. */
export async function sendDatagram(attempt: DatagramAttempt): Promise<DatagramResult> {
  const ip = parseLiteral(attempt.address)
  if (!ip) throw new RangeError(notLiteral)
  const calls = attempt.knowsIcmp ? await ownCalls() : undefined
  if (attempt.signal.aborted) return failed('canceled')
  const isV6 = ip.kind() === 'ipv6'
  const fd = calls?.openDatagram(isV6 ? c.AF_INET6 : c.AF_INET)
  if (calls && fd !== undefined && fd < 0) return failed(calls.errorName(-fd))
  return new Promise((resolve) => {
    const exchange = new Exchange({ ...attempt, address: ip.toString() }, resolve, () =>
      fd === undefined ? undefined : calls?.takeQueuedError(fd),
    )
    exchange.begin(createSocket(isV6 ? 'udp6' : 'udp4'), fd)
  })
}

let loaded: Promise<Calls> | undefined
/** Loaded with the first datagram, because koffi is an optional package. */
function ownCalls(): Promise<Calls> {
  loaded ??= import('./system/calls.ts').then(({ loadCalls }) => loadCalls())
  return loaded
}

const failed = (outcome: string): DatagramResult => ({ outcome, immediate: true, elapsedMs: 0 })

class Exchange {
  readonly #attempt: DatagramAttempt
  readonly #resolve: (result: DatagramResult) => void
  readonly #takeError: () => ReturnType<Calls['takeQueuedError']>
  readonly #cancel = () => this.#end('canceled')
  #socket: Socket | undefined
  #sentAt: number | undefined

  constructor(
    attempt: DatagramAttempt,
    resolve: (result: DatagramResult) => void,
    takeError: () => ReturnType<Calls['takeQueuedError']>,
  ) {
    this.#attempt = attempt
    this.#resolve = resolve
    this.#takeError = takeError
  }

  begin(socket: Socket, fd: number | undefined): void {
    const { address, port, datagram, accepts, signal } = this.#attempt
    this.#socket = socket
    socket.on('error', (error: NodeJS.ErrnoException) => this.#end(error.code ?? 'UNKNOWN'))
    signal.addEventListener('abort', this.#cancel)
    socket.on('message', (reply) => {
      if (accepts(reply)) this.#end('received', reply)
    })
    socket.on('connect', () => {
      if (!this.#socket) return
      this.#sentAt = performance.now()
      socket.send(datagram, (error) => {
        if (!error) return
        this.#sentAt = undefined
        this.#end((error as NodeJS.ErrnoException).code ?? 'UNKNOWN')
      })
    })
    if (fd !== undefined) socket.bind({ fd })
    socket.connect(port, address)
  }

  #end(outcome: string, reply?: Buffer): void {
    const socket = this.#socket
    if (!socket) return
    this.#socket = undefined
    this.#attempt.signal.removeEventListener('abort', this.#cancel)
    const immediate = this.#sentAt === undefined
    const error = immediate || outcome === 'received' || outcome === 'canceled' ? undefined : this.#takeError()
    const icmp = error && icmpMessage(error)
    socket.close()
    const elapsedMs = this.#sentAt === undefined ? 0 : performance.now() - this.#sentAt
    this.#resolve({ outcome, immediate, elapsedMs, ...(icmp && { icmp }), ...(reply && { reply }) })
  }
}
