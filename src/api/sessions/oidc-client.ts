import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client'
import { isAuthentic, type SignInRules } from '../../domain/access/tokens.ts'
import { readBounded } from '../http/oidc.ts'

/** What a browser keeps, sealed, between the request to the issuer and its response. */
export interface PendingSignIn {
  state: string
  nonce: string
  verifier: string
  /** Whether the issuer must have seen a proof of the person within the last 15 minutes. */
  again: boolean
}

/** What the issuer says about a person; the access token is for the token reader. */
export interface IssuedIdentity {
  subject: string
  name: string
  /** When the person has proven who it is; null: the issuer does not say so. */
  signedInAt: Date | null
  accessToken: string
}

const timeoutSeconds = 5
const toleranceSeconds = 5
const recentSeconds = 15 * 60
/** How long the discovery document of the issuer is used. */
const maxAgeMs = 10 * 60_000

/** Signs people in with the code flow (OpenID Connect Core 1.0 section 3.1), PKCE (RFC 7636) and `iss` (RFC 9207). */
export function createOidcClient(rules: SignInRules) {
  let known: { at: number; issuer: Promise<Configuration> } | undefined
  const findIssuer = (): Promise<Configuration> => {
    if (known && performance.now() - known.at < maxAgeMs) return known.issuer
    const entry = { at: performance.now(), issuer: discover(rules) }
    known = entry
    entry.issuer.catch(() => {
      if (known === entry) known = undefined
    })
    return entry.issuer
  }

  return {
    /** The page of the issuer to which the browser goes. Throws if the issuer is unavailable. */
    async begin(again: boolean): Promise<{ url: URL; pending: PendingSignIn }> {
      const issuer = await findIssuer()
      const pending = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier(), again }
      const parameters = new URLSearchParams(rules.request)
      const more = {
        redirect_uri: rules.redirectUri,
        response_type: 'code',
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: 'S256',
        ...(again && { prompt: 'login', max_age: String(recentSeconds) }),
      }
      for (const [name, value] of Object.entries(more)) parameters.set(name, value)
      return { url: buildAuthorizationUrl(issuer, parameters), pending }
    },

    /** Checks the response of the issuer, with which the browser came back, and redeems its code. Throws for an invalid one. */
    async finish(query: string, { state, nonce, verifier, again }: PendingSignIn): Promise<IssuedIdentity> {
      const issuer = await findIssuer()
      const response = new URL(rules.redirectUri)
      response.search = query
      const checks = {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
        ...(again && { maxAge: recentSeconds }),
      }
      const resource = new URLSearchParams(rules.request)
        .getAll('resource')
        .map((one): [string, string] => ['resource', one])
      const tokens = await authorizationCodeGrant(issuer, response, checks, new URLSearchParams(resource))
      const claims = tokens.claims()
      if (!claims) throw new Error('the issuer sent no ID token')
      const names = [claims.name, claims.preferred_username, claims.email, claims.sub]
      return {
        subject: claims.sub,
        name: names.find((one): one is string => typeof one === 'string' && isShowable(one)) ?? 'unnamed',
        signedInAt: claims.auth_time === undefined ? null : new Date(claims.auth_time * 1000),
        accessToken: tokens.access_token,
      }
    },
  }
}

/** The printable name of a person. */
const isShowable = (text: string) => /^[^\p{C}]{1,200}$/u.test(text)

async function discover({ issuer, clientId, clientSecret }: SignInRules): Promise<Configuration> {
  const url = new URL(issuer)
  const found = await discovery(
    url,
    clientId,
    { [clockTolerance]: toleranceSeconds },
    clientSecret === undefined ? None() : withSecret(clientSecret),
    {
      timeout: timeoutSeconds,
      [customFetch]: async (at, options) =>
        readBounded(await fetch(at, { ...(options as RequestInit), redirect: 'error' })),
      // For an issuer on this machine; its endpoints are checked below.
      ...(url.protocol === 'http:' && { execute: [allowInsecureRequests] }),
    },
  )
  const metadata = found.serverMetadata()
  for (const endpoint of [metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri])
    if (!endpoint || !isAuthentic(new URL(endpoint)))
      throw new Error(`the issuer has an endpoint over plain HTTP, or none: ${endpoint}`)
  enableNonRepudiationChecks(found) // verifies the signature of the ID token too
  return found
}

/** In the header, which OpenID Connect expects, unless the issuer takes it in the body alone. */
const withSecret = (secret: string): ClientAuth => {
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)]
  return (server, ...rest) => {
    const { token_endpoint_auth_methods_supported: methods = ['client_secret_basic'] } = server
    return (methods.includes('client_secret_basic') ? basic : post)(server, ...rest)
  }
}
