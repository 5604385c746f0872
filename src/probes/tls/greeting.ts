import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import {
  type ConnectionOptions,
  connect,
  type DetailedPeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import { createPatience, type Deadline } from '../engine/deadline.ts'
import type { Endpoint } from '../engine/probe.ts'
import { type ClearHandshake, readClearHandshake } from './clear-handshake.ts'
import { recognize } from './first-bytes.ts'
import { isClosed, type Tap, type TlsCarrier, tapSocket } from './tap.ts'

/** What the ClientHello offers, and how much is accepted in return. */
interface Offer {
  context: SecureContext
  alpn?: string[]
  maxBytes: number
}

/** Snapshot of a completed handshake; OpenSSL loses it after an error. */
export interface Session {
  protocol: string | null
  cipher: string
  keyExchange?: string
  alpn?: string
  /** As sent by the peer. */
  chain: X509Certificate[]
  /** Why OpenSSL does not trust the chain; null if it does. */
  verdict: string | null
}

/** The outcome of a TLS handshake, complete or not. */
export interface Greeting {
  /** Present if the handshake completed; else the connection is destroyed. */
  stream?: TLSSocket
  session?: Session
  tap: Tap
  clear: ClearHandshake
  /** The stapled OCSP response in DER, RFC 6066 section 8. */
  staple?: Buffer
  /** The deadline expired. */
  expired: boolean
  /** The peer requested a client certificate, and closed after the handshake without another byte and before any request. */
  closedOnClient: boolean
  /** The last error of the TLS stream; may be set after the handshake. */
  error?: Error
}

/** Runs a TLS client handshake; accepts any certificate and never rejects. */
export function greet(
  { socket, connectMs }: TlsCarrier,
  endpoint: Endpoint,
  offer: Offer,
  deadline: Deadline,
): Promise<Greeting> {
  const { promise, resolve } = Promise.withResolvers<Greeting>()
  const { seen, read } = readClearHandshake()
  const tap = tapSocket(socket, {
    maxBytes: offer.maxBytes,
    watch: (bytes) => {
      read(bytes)
      if (greeting.session) isSilent = false
    },
    admit: (first) => {
      const spoke = recognize(first)
      if (spoke && spoke !== 'tls') settle()
      return spoke === 'tls'
    },
  })
  const stream = connect(connectionOptions(tap, endpoint, offer))
  // Node calls it for checkServerIdentity, and dies where an authority has a curve without a NIST name (24.21).
  stream.getPeerCertificate = () => ({}) as DetailedPeerCertificate
  const greeting: Greeting = { tap, clear: seen, expired: false, closedOnClient: false }
  let settled = false
  let isSilent = true
  let cancelWait: (() => void) | undefined
  const settle = (more: Partial<Greeting> = {}) => {
    if (settled) return
    settled = true
    cancelExpiry()
    cancelWait?.()
    greeting.closedOnClient = cancelWait !== undefined && isSilent && isClosed(tap)
    resolve(Object.assign(greeting, more))
    if (!greeting.stream) stream.destroy()
    if (!greeting.stream) tap.stream.destroy()
  }
  const cancelExpiry = deadline.onExpiry(() => settle({ expired: true }))
  stream.on('OCSPResponse', (response: Buffer | null) => {
    if (response?.length) greeting.staple = response
  })
  // Never removed: catches errors before the owner listens; Node drops late ones.
  stream.on('error', (error) => {
    greeting.error ??= error
    settle()
  })
  stream.once('close', () => {
    settle()
    tap.stream.destroy()
  })
  stream.once('secureConnect', () => {
    const session = sessionOf(stream)
    Object.assign(greeting, { stream, session })
    if (!mayRefuseClient(stream, session)) return settle()
    // RFC 8446 section 4.4.2.4: only now does the peer see that there is no certificate. A request might hide its alert.
    cancelWait = createPatience(connectMs, deadline).onExpiry(() => settle())
    stream.once('session', () => settle()) // a ticket, for a client that the peer accepts
    tap.stream.once('end', () => setImmediate(settle)) // after the error of an alert
  })
  return promise
}

/** Only a CertificateRequest names signature algorithms to a client. */
const mayRefuseClient = (stream: TLSSocket, { protocol }: Session): boolean =>
  protocol === 'TLSv1.3' && stream.getSharedSigalgs().length > 0

function connectionOptions({ stream }: Tap, { host }: Endpoint, offer: Offer): ConnectionOptions {
  return {
    socket: stream,
    secureContext: offer.context,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined, // else a name mismatch would hide the verdict on the chain
    requestOCSP: true,
    // RFC 6066 section 3: names only, without the trailing dot.
    servername: isIP(host) ? undefined : host.replace(/\.$/, ''),
    ALPNProtocols: offer.alpn,
  }
}

function sessionOf(stream: TLSSocket): Session {
  const cipher = stream.getCipher().standardName
  return {
    protocol: stream.getProtocol(),
    cipher,
    keyExchange: keyExchangeOf(stream) ?? (cipher.startsWith('TLS_RSA_') ? 'RSA' : undefined),
    alpn: stream.alpnProtocol || undefined,
    chain: sentChain(stream),
    verdict: stream.authorized ? null : verdictOf(stream),
  }
}

/** Node has names for some verdicts of OpenSSL; the others, such as `permitted subtree violation`, are in a message only. */
function verdictOf(stream: TLSSocket): string {
  const code = String(stream.authorizationError)
  const { _handle: handle } = stream as unknown as { _handle?: { verifyError?(): Error | undefined } }
  const message = code === 'UNSPECIFIED' ? handle?.verifyError?.()?.message : undefined
  return message?.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_') ?? code
}

// OpenSSL 3.5 has groups such as X25519MLKEM768, unknown to @types/node.
function keyExchangeOf(stream: TLSSocket): string | undefined {
  const { type, name, size } = (stream.getEphemeralKeyInfo() ?? {}) as { type?: string; name?: string; size?: number }
  if (type === 'DH') return `DH ${size}`
  return type === 'ECDH' && !/^X\d/.test(name ?? '') ? `ECDH ${name}` : name
}

/** getPeerX509Certificate() gives the chain as sent, on its first call only; getPeerCertificate(true) adds local anchors. */
function sentChain(stream: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let next = stream.getPeerX509Certificate(); next; next = next.issuerCertificate) chain.push(next)
  return chain
}
