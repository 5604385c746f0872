import { isAuthentic, isScope, type SignInRules, type TokenRules } from '../domain/access/tokens.ts'
import { ConfigError, createValues, refused, type Values } from './env.ts'

/** Reads the token issuer; undefined when none is configured. */
export function readTokenRules(env: NodeJS.ProcessEnv): TokenRules | undefined {
  const { text, checked } = createValues(env)
  const issuer = text('PORTWARDEN_OIDC_ISSUER', '')
  if (!issuer) return undefined
  if (/[\s,;]/.test(issuer)) {
    throw new ConfigError(
      'PORTWARDEN_OIDC_ISSUER must be one issuer, without blanks, commas and semicolons; a valid example: PORTWARDEN_OIDC_ISSUER=https://login.example.org/realms/ops',
    )
  }
  if (!isIssuer(issuer)) {
    throw new ConfigError(
      'PORTWARDEN_OIDC_ISSUER is not valid: it must be HTTPS, or HTTP on this machine; a valid example: PORTWARDEN_OIDC_ISSUER=https://login.example.org/realms/ops',
    )
  }
  const audience = text('PORTWARDEN_OIDC_AUDIENCE', '')
  if (!audience) {
    throw new ConfigError(
      'PORTWARDEN_OIDC_ISSUER needs PORTWARDEN_OIDC_AUDIENCE, or tokens for other services would be accepted; a valid example: PORTWARDEN_OIDC_AUDIENCE=portwarden',
    )
  }
  const claim = { valid: (value: string) => /^\S{1,200}$/.test(value), example: '/realm_access/roles' }
  return {
    issuer,
    audience,
    scopeClaim: checked('PORTWARDEN_OIDC_SCOPE_CLAIM', 'scope', claim),
    meanings: readMeanings(text('PORTWARDEN_OIDC_SCOPES', '')),
  }
}

/** Reads how people sign in at the issuer; undefined when no client is configured. */
export function readSignIn(
  { text, secret, checked }: Values,
  issuer: string | undefined,
  publicUrl: string | undefined,
): SignInRules | undefined {
  const clientId = text('PORTWARDEN_OIDC_CLIENT_ID', '')
  const clientSecret = secret('PORTWARDEN_OIDC_CLIENT_SECRET')
  if (!clientId) {
    if (clientSecret)
      throw new ConfigError(
        'PORTWARDEN_OIDC_CLIENT_SECRET needs PORTWARDEN_OIDC_CLIENT_ID; a valid example: PORTWARDEN_OIDC_CLIENT_ID=portwarden',
      )
    return undefined
  }
  if (!issuer) {
    throw new ConfigError(
      'PORTWARDEN_OIDC_CLIENT_ID needs PORTWARDEN_OIDC_ISSUER; a valid example: PORTWARDEN_OIDC_ISSUER=https://login.example.org/realms/ops',
    )
  }
  if (!publicUrl || !isAuthentic(new URL(publicUrl))) {
    throw new ConfigError(
      'PORTWARDEN_OIDC_CLIENT_ID needs PORTWARDEN_PUBLIC_URL, to which the issuer sends the browser back, with HTTPS, or HTTP on this machine; a valid example: PORTWARDEN_PUBLIC_URL=https://portwarden.example.org',
    )
  }
  const request = checked('PORTWARDEN_OIDC_REQUEST', 'scope=openid+profile', {
    valid: (value) => new URLSearchParams(value).get('scope')?.split(' ').includes('openid') === true,
    example: 'scope=openid+profile&resource=https://portwarden.example.org',
  })
  return { issuer, clientId, clientSecret, request, redirectUri: `${publicUrl}/session/oidc/callback` }
}

function isIssuer(value: string): boolean {
  const url = URL.canParse(value) ? new URL(value) : undefined
  return url !== undefined && isAuthentic(url) && !url.search && !url.hash && !url.username && !url.password
}

/** `VALUE=SCOPE+SCOPE,VALUE=SCOPE…`: the scopes of each value of the claim. */
function readMeanings(value: string): TokenRules['meanings'] {
  const entries = value.split(',').filter((entry) => entry.trim() !== '')
  if (entries.length === 0) return undefined
  return Object.fromEntries(
    entries.map((entry) => {
      const [, name, listed] = /^\s*(.+?)\s*=([^=]*)$/.exec(entry) ?? []
      const scopes = listed?.trim().split('+')
      if (!name || !scopes?.every(isScope))
        throw refused('PORTWARDEN_OIDC_SCOPES', 'auditors=audits:run+reports:read,heads=admin')
      return [name, scopes]
    }),
  )
}
