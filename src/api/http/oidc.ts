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

/** Only these: with a secret algorithm the public key of the issuer would do to forge a token. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
/** What the same issuer signs to say something else, the end of a session say, opens nothing (RFC 8725 section 3.11; RFC 9068 names `at+jwt`). */
const opens = /^(application\/)?(at\+)?jwt$/i
const clockToleranceSeconds = 5
const timeoutMs = 5_000
/** How long an issuer that could not be asked is left alone. */
const retryAfterSeconds = 5
/** How soon after its keys were read they are read again for a token whose key is not among them. */
const rereadMs = 10_000

export type TokenReader = ReturnType<typeof createTokenReader>

/** Reads the tokens of one issuer of OpenID Connect: JWTs (RFC 7519) whose signature its published keys verify. */
export function createTokenReader(rules: TokenRules) {
  const keys = createIssuerKeys(rules.issuer)
  return {
    /** Whose token it is; undefined where it is none that counts now. Throws NotReadyError where that cannot be told: the keys of the issuer are not to be had. */
    async authenticate(token: string, now: Date): Promise<Caller | undefined> {
      if (issuerOf(token) !== rules.issuer) return undefined // and nobody is asked about it
      try {
        const { payload, protectedHeader } = await jwtVerify(token, keys, {
          issuer: rules.issuer,
          audience: rules.audience,
          algorithms,
          clockTolerance: clockToleranceSeconds,
          currentDate: now,
          requiredClaims: ['exp', 'sub'],
        })
        if (!isSubject(payload.sub) || !opens.test(protectedHeader.typ ?? 'JWT')) return undefined
        return { keyId: `oidc:${payload.sub}`, scopes: scopesOf(payload, rules), targetScope: everything }
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined
        throw error
      }
    },
  }
}

/** The keys of an issuer, found by its discovery document (OpenID Connect Discovery 1.0) whenever they are read. */
function createIssuerKeys(issuer: string): JWTVerifyGetKey {
  const discovery = new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  let downUntil = 0

  /** Reads the keys; where that fails, the issuer is left alone for a while. Keys that were read before go on to count. */
  const read: FetchImplementation = async (url, { signal }) => {
    if (Date.now() < downUntil) throw new Error('the issuer did not answer just now')
    try {
      const document = (await (await get(url, signal)).json()) as { issuer?: unknown; jwks_uri?: unknown }
      if (document.issuer !== issuer) throw new Error(`${url} is of another issuer`)
      const keys = new URL(String(document.jwks_uri))
      if (!isAuthentic(keys)) throw new Error(`${url} names keys that anybody could change on the way`)
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
      // The keys were read, and none of them is the one, or several are.
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error
      throw new NotReadyError('the keys of the issuer of tokens cannot be read', { cause: error })
    }
  }
}

async function get(url: string, signal: AbortSignal): Promise<Response> {
  const answer = await fetch(url, { redirect: 'error', signal })
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`)
  return answer
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

/** It becomes a name in rows and logs. At most 255 characters of ASCII: OpenID Connect Core 1.0 section 2. */
const isSubject = (sub: unknown): sub is string => typeof sub === 'string' && /^[\x20-\x7e]{1,255}$/.test(sub)
