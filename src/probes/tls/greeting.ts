import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { type ConnectionOptions, connect, type SecureContext, type TLSSocket } from 'node:tls'
import type { Deadline } from '../engine/deadline.ts'
import type { Connection, Endpoint } from '../engine/probe.ts'
import { type ClearHandshake, readClearHandshake } from './clear-handshake.ts'
import { recognize } from './first-bytes.ts'
import { type Tap, tapSocket } from './tap.ts'

/** What a client hello offers, and what of the answer is accepted. */
interface Offer {
  context: SecureContext
  alpn?: string[]
  maxBytes: number
}

/** What a completed handshake agreed on, taken down at once: after an error OpenSSL has forgotten it. */
export interface Session {
  protocol: string | null
  cipher: string
  keyExchange?: string
  alpn?: string
  /** As the peer sent it, in its order. */
  chain: X509Certificate[]
  /** Why OpenSSL does not trust the chain; null when it does. */
  verdict: string | null
}

/** How far a TLS handshake came, whatever the peer did. */
export interface Greeting {
  /** The TLS stream and its session, when the handshake completed; else the connection is gone. */
  stream?: TLSSocket
  session?: Session
  tap: Tap
  clear: ClearHandshake
  ocspStapled: boolean
  /** The deadline ended it. */
  expired: boolean
  /** What the TLS stream or OpenSSL said at the end; may come after the handshake. */
  error?: Error
}

/** A TLS client handshake as far as the peer goes along. Accepts any certificate. */
export function greet({ socket }: Connection, endpoint: Endpoint, offer: Offer, deadline: Deadline): Promise<Greeting> {
  const { promise, resolve } = Promise.withResolvers<Greeting>()
  const { seen, read } = readClearHandshake()
  const tap = tapSocket(socket, {
    maxBytes: offer.maxBytes,
    watch: read,
    admit: (first) => {
      const spoke = recognize(first)
      if (spoke && spoke !== 'tls') settle()
      return spoke === 'tls'
    },
  })
  const stream = connect(connectionOptions(tap, endpoint, offer))
  const greeting: Greeting = { tap, clear: seen, ocspStapled: false, expired: false }
  let settled = false
  const settle = (more: Partial<Greeting> = {}) => {
    if (settled) return
    settled = true
    cancelExpiry()
    resolve(Object.assign(greeting, more))
    if (!greeting.stream) stream.destroy()
    if (!greeting.stream) tap.stream.destroy()
  }
  const cancelExpiry = deadline.onExpiry(() => settle({ expired: true }))
  stream.on('OCSPResponse', (response: Buffer | null) => {
    greeting.ocspStapled = (response?.length ?? 0) > 0
  })
  // Stays on, as an error before the owner listens must not crash; Node does not keep the error after the handshake.
  stream.on('error', (error) => {
    greeting.error ??= error
    settle()
  })
  stream.once('close', () => {
    settle()
    tap.stream.destroy()
  })
  stream.once('secureConnect', () => settle({ stream, session: sessionOf(stream) }))
  return promise
}

function connectionOptions({ stream }: Tap, { host }: Endpoint, offer: Offer): ConnectionOptions {
  return {
    socket: stream,
    secureContext: offer.context,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined, // else a wrong name would hide what OpenSSL thinks of the chain
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
    verdict: stream.authorized ? null : String(stream.authorizationError),
  }
}

// Beside what @types/node knows, OpenSSL 3.5 has groups such as X25519MLKEM768, which are neither DH nor ECDH.
function keyExchangeOf(stream: TLSSocket): string | undefined {
  const { type, name, size } = (stream.getEphemeralKeyInfo() ?? {}) as { type?: string; name?: string; size?: number }
  if (type === 'DH') return `DH ${size}`
  return type === 'ECDH' && !/^X\d/.test(name ?? '') ? `ECDH ${name}` : name
}

/**
 * The first call of getPeerX509Certificate() gives the chain exactly as it was sent, where getPeerCertificate(true) adds
 * the trust anchors of this side. It takes the chain out of the session, so it works once only.
 */
function sentChain(stream: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = []
  for (let next = stream.getPeerX509Certificate(); next; next = next.issuerCertificate) chain.push(next)
  return chain
}
