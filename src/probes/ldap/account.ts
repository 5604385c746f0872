import { createHmac, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { bindKeyOf } from '../../domain/seals.ts'
import type { BindIdentity } from '../../domain/vantages/binds.ts'
import type { Credential } from './credentials.ts'

const derive = promisify(scrypt) as (password: string, salt: string, keyLength: number) => Promise<Buffer>

/**
 * Digests by which the service recognizes an account and a changed credential. They reveal neither: they are keyed, and the
 * credential is derived slowly (scrypt), so that guessing is expensive even for those who have the key.
 */
export async function identify(
  { user, password }: Credential,
  { salt, namingContext }: { salt: string; namingContext: string | undefined },
): Promise<BindIdentity> {
  const digest = (name: string) => createHmac('sha256', salt).update(`account\n${name}`).digest('hex')
  const secret = await derive(JSON.stringify([parseUser(user).name, password]), `${salt}\ncredential`, 32)
  const accounts = accountNames(user, namingContext).map(digest)
  return { accounts, credential: secret.toString('hex'), key: bindKeyOf(salt) }
}

/**
 * The names of an account, as `name@domain`: its domain as it is spelled, and the domain of the directory. So the spellings
 * `user@domain`, `DOMAIN\user`, `domain/…/user` and `CN=user,…,DC=…` of one account have a name in common, at every
 * controller of the domain.
 */
export function accountNames(user: string, namingContext: string | undefined): string[] {
  const { name, domain } = parseUser(user)
  const domains = [domain, namingContext === undefined ? undefined : domainOf(splitDn(fold(namingContext)))]
  const named = domains.filter((one) => one).map((one) => `${name}@${one}`)
  return named.length > 0 ? [...new Set(named)] : [name]
}

interface ParsedUser {
  name: string
  domain?: string | undefined
}

/** Without spaces around the name, which Active Directory ignores. */
function parseUser(user: string): ParsedUser {
  const { name, domain } = splitUser(fold(user))
  return { name: name.trim(), domain: domain?.trim() }
}

function splitUser(folded: string): ParsedUser {
  if (/^[a-z0-9.-]+ *=/.test(folded)) {
    const [first = '', ...rest] = splitDn(folded)
    const [name = ''] = /^(?:\\.|"(?:\\.|[^\\"])*"|[^\\+"])*/s.exec(first.slice(first.indexOf('=') + 1)) ?? []
    return { name: unescapeValue(unquote(name.trim())), domain: domainOf(rest) }
  }
  const at = folded.lastIndexOf('@')
  if (at > 0) return { name: folded.slice(0, at), domain: folded.slice(at + 1) }
  const backslash = folded.indexOf('\\')
  if (backslash > 0) return { name: folded.slice(backslash + 1), domain: folded.slice(0, backslash) }
  const [domain, ...path] = folded.split('/')
  return { name: path.at(-1) ?? folded, ...(path.length > 0 && { domain }) }
}

/** Directories compare names without regard to case. */
const fold = (text: string) => text.normalize('NFKC').trim().toLowerCase()

/** By commas, or by semicolons as in RFC 2253 section 4, outside quotation marks. */
const splitDn = (dn: string): string[] =>
  dn.match(/(?:\\.|"(?:\\.|[^\\"])*"|[^\\,;"])+/gs)?.map((part) => part.trim()) ?? []

/** RFC 2253 section 4. */
const unquote = (value: string): string => /^"(.*)"$/s.exec(value)?.[1] ?? value

/** The DNS name in the `dc` components; without any the whole name. */
function domainOf(dn: readonly string[]): string {
  const labels = dn.flatMap((part) => /^dc *= *(.*)$/s.exec(part)?.[1] ?? [])
  return (labels.length > 0 ? labels : dn).join(labels.length > 0 ? '.' : ',')
}

/** RFC 4514 section 2.4. */
const unescapeValue = (value: string): string =>
  value.replace(/(?:\\[0-9a-f]{2})+|\\(.)/gs, (escaped, character: string | undefined) =>
    character !== undefined ? character : fold(Buffer.from(escaped.replaceAll('\\', ''), 'hex').toString()),
  )
