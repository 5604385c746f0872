import type { Evidence } from '../../../domain/findings/evidence.ts'
import { fieldDemandsOf, statesText } from '../policies/expectation.ts'

/** The facts that decide about a field of an expectation; none where the reason alone decides. */
export const decidingFacts: Readonly<Record<string, readonly string[]>> = {
  onlyOpen: ['open'],
  hostAnswered: [],
  'tls.minVersion': ['protocol'],
  'tls.refuses': ['versions'],
  'tls.trusted': ['trusted', 'trustError'],
  'tls.trustedCa': [],
  'tls.allowSelfSigned': [],
  'tls.nameMatches': ['nameMatches', 'certificate.sans'],
  'tls.validNow': ['certificate.notBefore', 'certificate.notAfter'],
  'tls.minDaysLeft': ['certificate.notAfter'],
  'tls.minKeyBits.rsa': ['certificate.publicKey.type', 'certificate.publicKey.bits'],
  'tls.minKeyBits.ec': ['certificate.publicKey.type', 'certificate.publicKey.bits'],
  'tls.notRevoked': ['ocsp.status'],
  'http.answers': ['http.status'],
  'http.plainServed': ['plainHttp.status', 'plainHttp.location'],
  'ssh.speaks': ['identification'],
  'ssh.minVersion': ['protocolVersion'],
  'ssh.hostKeys': ['hostKey.sha256'],
  'ssh.forbid': ['algorithms'],
  'ldap.answers': ['security'],
  'ldap.activeDirectory': ['activeDirectory'],
  'ldap.security': ['security'],
  'ldap.plainBind': ['plainBind.resultName'],
  'ldap.bind.credentialRef': ['bind.resultName'],
  'ldap.trustedCa': [],
  'smtp.speaks': ['smtp.greeting'],
  'smtp.startTls': ['smtp.startTls.offered'],
  'smb.speaks': ['smb.dialect'],
  'smb.minDialect': ['smb.dialect'],
  'smb.refuses': ['smb.dialects'],
  'smb.signing': ['smb.signing'],
  'smb.encryption': ['smb.encryption'],
  'dns.answers': ['dns.rcode'],
  'dns.zone': ['dns.zone.name', 'dns.zone.authoritative'],
  'dns.services': ['dns.records', 'dns.missing'],
  'dns.recursion': ['dns.recursion'],
  'dns.zoneTransfer': ['dns.zoneTransfer.outcome'],
  'kerberos.answers': ['kerberos.errorName', 'kerberos.response'],
  'kerberos.realm': ['kerberos.realm.name', 'kerberos.realm.served'],
  'kerberos.askKrbtgt': [],
  'kerberos.maxClockSkewSeconds': ['kerberos.clock.limitSeconds', 'kerberos.clock.within'],
  'mssql.speaks': ['mssql.version'],
  'mssql.encryption': ['mssql.encryption'],
  'redis.speaks': ['redis.authentication', 'redis.error'],
  'redis.authentication': ['redis.authentication', 'redis.error'],
  'redis.encryption': ['redis.encryption'],
  'rdp.speaks': ['rdp.selected'],
  'rdp.nla': ['rdp.selected', 'rdp.securities'],
  'rdp.refuses': ['rdp.securities'],
  'udp.send': [],
}

type Fields = Readonly<Record<string, unknown>>
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const valueAt = (fields: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((inner, name) => (isFields(inner) ? inner[name] : undefined), fields)

const acronyms = [
  'tls',
  'ldap',
  'http',
  'ssh',
  'smtp',
  'smb',
  'ntlm',
  'dns',
  'ocsp',
  'alpn',
  'hsts',
  'sha256',
  'ssl',
  'dse',
  'sasl',
]

/** A path of facts as words: "certificate not after". */
export function factName(path: string): string {
  const words = path
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .split(/[. ]/)
    .map((word) => (acronyms.includes(word.toLowerCase()) ? word.toUpperCase() : word.toLowerCase()))
  const text = words.join(' ')
  return (text[0]?.toUpperCase() ?? '') + text.slice(1)
}

/** A fact as a text. */
export function factText(value: unknown): string {
  if (value === true) return 'yes'
  if (value === false) return 'no'
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(factText).join(', ')
  if (isFields(value))
    return Object.entries(value)
      .map(([name, inner]) => `${name}: ${factText(inner)}`)
      .join('; ')
  return String(value)
}

/** Facts as names and texts, one for each value. */
export const factEntries = (facts: object, prefix = ''): [name: string, text: string][] =>
  Object.entries(facts).flatMap(([name, value]) =>
    isFields(value)
      ? factEntries(value, `${prefix}${name}.`)
      : value === undefined
        ? []
        : [[factName(prefix + name), factText(value)] as [string, string]],
  )

/** Facts of TLS are beside those of the protocol, or in a group of their own. */
const factAt = (facts: object, path: string): unknown => valueAt(facts, path) ?? valueAt(facts, `tls.${path}`)

/** What was seen of a field of an expectation, by address; empty where no fact says it. */
function seenOf(field: string, { addresses }: Evidence): string {
  const paths = decidingFacts[field] ?? [field]
  const texts = Object.entries(addresses).map(([address, { facts = {} }]) => {
    const found = paths.flatMap((path) => {
      const value = factAt(facts, path)
      return value === undefined ? [] : [paths.length > 1 ? `${factName(path)}: ${factText(value)}` : factText(value)]
    })
    return { address, text: found.join('; ') }
  })
  return byAddress(texts)
}

/** One text if all addresses agree, else one for each address. */
function byAddress(texts: readonly { address: string; text: string }[]): string {
  if (new Set(texts.map(({ text }) => text)).size === 1) return texts[0]?.text ?? ''
  return texts.flatMap(({ address, text }) => (text ? [`${address}: ${text}`] : [])).join('; ')
}

export interface Comparison {
  what: string
  expected: string
  seen: string
}

/** What a rule expects beside what was seen, field by field. */
export function compareExpected(expect: Fields, state: string, evidence: Evidence | null): Comparison[] {
  const states = Object.entries(evidence?.addresses ?? {}).map(([address, seen]) => ({ address, text: seen.state }))
  return [
    { what: 'Port', expected: statesText(expect), seen: byAddress(states) || state },
    ...fieldDemandsOf(expect).map(({ field, text }) => ({
      what: factName(field),
      expected: text,
      seen: evidence ? seenOf(field, evidence) : '',
    })),
  ]
}
