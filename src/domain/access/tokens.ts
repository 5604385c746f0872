import { scopePattern } from './scopes.ts'

/** Whose tokens (OpenID Connect) are taken, and what they say of their bearer. */
export interface TokenRules {
  /** As the issuer writes itself in `iss`. */
  issuer: string
  audience: string
  /** The claim that says what the bearer may do: a name, or a JSON Pointer such as `/realm_access/roles`. */
  scopeClaim: string
  /** Which scopes a value of the claim stands for; undefined: the values are scopes. */
  meanings: Readonly<Record<string, readonly string[]>> | undefined
}

/** The scopes that the claims of a token give: of a text with spaces, or of a list. What is no scope gives none. */
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

/** Whether what is fetched from a URL comes from whom it names: over HTTPS, or from this machine. */
export const isAuthentic = ({ protocol, hostname }: URL): boolean =>
  protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined

const unescapeStep = (step: string) => step.replaceAll('~1', '/').replaceAll('~0', '~')
