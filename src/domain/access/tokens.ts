import { scopePattern } from './scopes.ts'

/** The accepted tokens, and the scopes of their claims. */
export interface TokenRules {
  /** The value of `iss`. */
  issuer: string
  audience: string
  /** The claim with the scopes: a name, or a JSON Pointer such as `/realm_access/roles`. */
  scopeClaim: string
  /** Scopes by claim value; undefined if the values are scopes. */
  meanings: Readonly<Record<string, readonly string[]>> | undefined
}

/** How people sign in at the issuer. */
export interface SignInRules {
  issuer: string
  clientId: string
  /** Undefined: a public client. */
  clientSecret: string | undefined
  /** Parameters of the request to the issuer, in the form of a query. */
  request: string
  /** Where the browser comes back to. */
  redirectUri: string
}

/** The scopes of a claim: a string or a list. */
export function scopesOf(
  claims: unknown,
  { scopeClaim, meanings }: Pick<TokenRules, 'scopeClaim' | 'meanings'>,
): string[] {
  const steps = scopeClaim.startsWith('/') ? scopeClaim.slice(1).split('/').map(unescapeStep) : [scopeClaim]
  const value = steps.reduce(memberOf, claims)
  const values: unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : []
  const texts = values.filter((one) => typeof one === 'string')
  const given = meanings
    ? texts.flatMap((text) => (Object.hasOwn(meanings, text) ? (meanings[text] ?? []) : []))
    : texts
  return [...new Set(given)].filter(isScope)
}

export const isScope = (text: string): boolean => new RegExp(scopePattern).test(text)

/** Whether a URL is authenticated: HTTPS, or this machine. */
export const isAuthentic = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined

const unescapeStep = (step: string) => step.replaceAll('~1', '/').replaceAll('~0', '~')
