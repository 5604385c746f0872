import {
  createRemoteJWKSet,
  customFetch,
  decodeJwt,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { isAuthentic, scopesOf, type TokenRules } from '../../domain/access/tokens.ts'
import { NotReadyError } from '../../domain/errors.ts'
import type { Caller } from '../../store/access/keys.ts'
import { everything } from '../../store/query/target-scope.ts'

/** Asymmetric only: with HMAC, the public key could forge tokens. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
/** Rejects other tokens of the issuer, such as logout tokens (RFC 8725 section 3.11, RFC 9068). */
const tokenTypes = /^(application\/)?(at\+)?jwt$/i
const clockToleranceSeconds = 5
const timeoutMs = 5_000
/** The pause after a failed request to the issuer. */
const retryAfterSeconds = 5
/** The shortest time between two reads of the keys. */
const rereadMs = 10_000

export type TokenReader = ReturnType<typeof createTokenReader>

/** Verifies JWTs (RFC 7519) with the published keys of an issuer. */
export function createTokenReader(rules: TokenRules) {
  const keys = createIssuerKeys(rules.issuer)
  return {
    /** The caller of a valid token, else undefined. Throws NotReadyError when the keys of the issuer are unavailable. */
    async authenticate(token: string, now: Date): Promise<Caller | undefined> {
      if (issuerOf(token) !== rules.issuer) return undefined // without a request to the issuer
      try {
        const { payload, protectedHeader } = await jwtVerify(token, keys, {
          issuer: rules.issuer,
          audience: rules.audience,
          algorithms,
          clockTolerance: clockToleranceSeconds,
          currentDate: now,
          requiredClaims: ['exp', 'sub'],
        })
        if (!wasIssued(payload.iat, now)) return undefined
        if (!isSubject(payload.sub) || !tokenTypes.test(protectedHeader.typ ?? 'JWT')) return undefined
        return { keyId: `oidc:${payload.sub}`, scopes: scopesOf(payload, rules), targetScope: everything }
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined
        // jose refuses weak keys so; a token can neither be valid nor invalid then.
        if (error instanceof TypeError) throw new NotReadyError(unusableKey, { cause: error })
        throw error
      }
    },
  }
}

/** The keys of an issuer; each read starts with its discovery document (OpenID Connect Discovery 1.0). */
function createIssuerKeys(issuer: string): JWTVerifyGetKey {
  const discovery = new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  let downUntil = 0

  /** Keys from earlier reads stay valid after a failure. */
  const read: FetchImplementation = async (url, { signal }) => {
    const downMs = downUntil - Date.now()
    // A clock that was set back must not prolong it.
    if (downMs > 0 && downMs <= retryAfterSeconds * 1000)
      throw new Error(`the issuer failed within the last ${retryAfterSeconds} s`)
    try {
      const document = (await (await get(url, signal)).json()) as { issuer?: unknown; jwks_uri?: unknown }
      if (document.issuer !== issuer) throw new Error(`${url} is of another issuer`)
      const keys = new URL(String(document.jwks_uri))
      if (!isAuthentic(keys)) throw new Error(`${url} names keys over plain HTTP, which can be changed in transit`)
      return await get(keys.href, signal)
    } catch (error) {
      downUntil = Date.now() + retryAfterSeconds * 1000
      throw error
    }
  }

  const keys = createRemoteJWKSet(discovery, {
    timeoutDuration: timeoutMs,
    cooldownDuration: rereadMs,
    [customFetch]: read,
  })
  return async (header, token) => {
    try {
      return await keys(header, token)
    } catch (error) {
      // The keys were read, but not exactly one matches.
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error
      throw new NotReadyError('the keys of the token issuer cannot be read', { cause: error })
    }
  }
}

const unusableKey = 'a key of the token issuer cannot be used: RSA keys need 2,048 bits'

/** RFC 7519 section 4.1.6; a token of the future was not issued by a clock that can be trusted. */
const wasIssued = (iat: unknown, now: Date): boolean =>
  iat === undefined || (typeof iat === 'number' && iat * 1000 <= now.getTime() + clockToleranceSeconds * 1000)

const maxDocumentBytes = 1024 * 1024

/** Reads a document of the issuer, up to 1 MiB. */
async function get(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { redirect: 'error', signal })
  if (response.status !== 200) throw new Error(`${url} responded ${response.status}`)
  return readBounded(response)
}

/** Reads a response of the issuer, up to 1 MiB. */
export async function readBounded(response: Response): Promise<Response> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > maxDocumentBytes) throw new Error(`${response.url} responded with more than 1 MiB`)
    chunks.push(chunk)
  }
  const { status, headers } = response
  return new Response(bytes > 0 ? Buffer.concat(chunks) : null, { status, headers })
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

/** OpenID Connect Core 1.0 section 2 limits subjects to 255 ASCII characters. */
const isSubject = (sub: unknown): sub is string => typeof sub === 'string' && /^[\x20-\x7e]{1,255}$/.test(sub)
