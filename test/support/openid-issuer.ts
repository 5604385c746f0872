import { createServer } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'
import { listen } from './listen.ts'

export const clientId = 'portwarden'
export const clientSecret = 'a secret of the client that has 32 characters'
export const resource = 'urn:portwarden'

export interface OpenIdIssuer {
  url: string
  /** Who signs in at its page; undefined: the person declines. */
  person: string | undefined
  /** The scopes in access tokens. */
  scopes: string
  /** The audience of access tokens. */
  audience: string
  close(): Promise<void>
}

interface Context {
  oidc: { session?: { accountId?: string }; client: { clientId: string } }
}

/** A certified OpenID Connect issuer on loopback, at whose page one request signs a person in. */
export async function startOpenIdIssuer(redirectUris: readonly string[]): Promise<OpenIdIssuer> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  let handle: ReturnType<Provider['callback']> = (_request, response) => void response.end()
  const { port, close } = await listen(
    createServer((request, response) => {
      if (!request.url?.startsWith('/interaction/')) return handle(request, response)
      const { person } = issuer
      const result = person ? { login: { accountId: person } } : { error: 'access_denied' }
      provider.interactionFinished(request, response, result).catch((error) => response.destroy(error))
    }),
  )
  const url = `http://127.0.0.1:${port}`
  const scopesOf = () => issuer.scopes.split(' ')
  const provider: Provider = new Provider(url, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: redirectUris,
        id_token_signed_response_alg: 'ES256',
      },
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'one' }] },
    cookies: { keys: ['a key of the cookies of the issuer'] },
    scopes: ['openid', 'profile', 'reports:read', 'admin'],
    claims: { profile: ['name'] },
    conformIdTokenClaims: false,
    ttl: { Interaction: 600, Grant: 600, Session: 600, AccessToken: 600, IdToken: 600 },
    pkce: { required: () => true },
    findAccount: (_context: Context, id: string) => ({
      accountId: id,
      claims: async () => ({ sub: id, name: `${id} of the tests` }),
    }),
    interactions: { url: (_context: Context, { uid }: { uid: string }) => `/interaction/${uid}` },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'reports:read admin',
          audience: issuer.audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    extraTokenClaims: () => ({ roles: scopesOf() }),
    async loadExistingGrant({ oidc: { session, client } }: Context) {
      const grant = new provider.Grant({ accountId: session?.accountId, clientId: client.clientId })
      grant.addOIDCScope('openid profile')
      grant.addResourceScope(resource, 'reports:read admin')
      await grant.save()
      return grant
    },
  })
  handle = provider.callback()
  const issuer: OpenIdIssuer = { url, person: 'ann', scopes: 'reports:read', audience: 'portwarden', close }
  return issuer
}
