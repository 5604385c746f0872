/** What a field of an expectation demands, as a phrase about its value; docs/policies.md defines the fields. */
const phrases: Readonly<Record<string, (value: string) => string>> = {
  onlyOpen: (ports) => `of these ports only ${ports} may be open`,
  hostAnswered: () => 'silence counts only if the host responds on another port',
  'tls.minVersion': (version) => `${version} or newer`,
  'tls.refuses': (versions) => `refuses ${versions}`,
  'tls.trusted': () => 'its certificate is trusted',
  'tls.trustedCa': (pem) => `the authorities in ${pem} are trusted too`,
  'tls.allowSelfSigned': () => 'a self-signed certificate is accepted',
  'tls.nameMatches': () => 'its certificate names the host',
  'tls.validNow': () => 'its certificate is within its dates',
  'tls.minDaysLeft': (days) => `its certificate is valid for ${days} more days`,
  'tls.minKeyBits.rsa': (bits) => `RSA keys have ${bits} bits or more`,
  'tls.minKeyBits.ec': (bits) => `elliptic-curve keys have ${bits} bits or more`,
  'tls.notRevoked': () => 'its certificate is not revoked',
  'http.answers': () => 'responds to HTTP over TLS',
  'http.plainServed': () => 'serves nothing in clear',
  'ssh.speaks': () => 'speaks SSH',
  'ssh.minVersion': (version) => `SSH ${version} or newer`,
  'ssh.hostKeys': (keys) => `its host key is ${keys}`,
  'ssh.forbid': (names) => `offers none of ${names}`,
  'ldap.answers': () => 'responds to LDAP',
  'ldap.activeDirectory': () => 'is Active Directory',
  'ldap.security': (channels) => `the channel is ${channels}`,
  'ldap.plainBind': () => 'refuses a simple bind in clear',
  'ldap.bind.credentialRef': (reference) => `accepts a bind with ${reference}`,
  'ldap.trustedCa': (pem) => `the authorities in ${pem} are trusted too`,
  'smtp.speaks': () => 'speaks SMTP',
  'smtp.startTls': () => 'offers STARTTLS',
  'smb.speaks': () => 'speaks SMB',
  'smb.minDialect': (dialect) => `${dialect} or newer`,
  'smb.refuses': (dialects) => `refuses ${dialects}`,
  'smb.signing': () => 'requires signed messages',
  'smb.encryption': () => 'supports encryption',
  'dns.answers': () => 'responds to DNS',
  'dns.zone': (zone) => `is authoritative for ${zone}`,
  'dns.services': (names) => `has SRV records of ${names}`,
  'dns.recursion': (value) => `recursion is ${value}`,
  'dns.zoneTransfer': () => 'refuses to transfer the zone',
  'kerberos.answers': () => 'responds to Kerberos',
  'kerberos.realm': (realm) => `serves the realm ${realm}`,
  'kerberos.askKrbtgt': () => 'the realm may be shown by the client krbtgt',
  'kerberos.maxClockSkewSeconds': (seconds) => `its clock differs by at most ${seconds} seconds`,
  'mssql.speaks': () => 'speaks TDS, the protocol of SQL Server',
  'mssql.encryption': (least) => `encryption is ${least}, or stricter`,
  'redis.speaks': () => 'speaks Redis',
  'redis.authentication': () => 'serves nothing before a logon',
  'redis.encryption': () => 'speaks TLS alone',
  'rdp.speaks': () => 'speaks RDP',
  'rdp.nla': () => 'requires network level authentication (NLA)',
  'rdp.refuses': (securities) => `refuses the security ${securities}`,
  'udp.send': (digits) => `is sent the bytes ${digits}`,
}
/** Flags that demand something by being false. */
const demandsByFalse = ['http.plainServed']

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isPlaceholder = (value: unknown) => typeof value === 'string' && /^\$\{\w+\}$/.test(value)
const isComparison = (value: unknown): value is Fields => isFields(value) && 'value' in value
const listText = new Intl.ListFormat('en', { type: 'disjunction' })
const valueText = (value: unknown): string =>
  Array.isArray(value) ? listText.format(value.map(String)) : String(value)

/** A condition in words: "${directory} is ad", "${domainController} has a value". */
export function conditionText(condition: unknown): string {
  if (!isComparison(condition)) return `${condition} has a value`
  return 'equals' in condition
    ? `${condition.value} is ${condition.equals}`
    : `${condition.value} is not ${condition.differsFrom}`
}

/** The states that an expectation allows. */
export const statesText = ({ state, onlyOpen }: Fields): string =>
  valueText(state ?? (onlyOpen === undefined ? ['open'] : ['closed', 'filtered']))

/** The fields of an expectation with their paths, without groups. */
const leavesOf = (fields: Fields, prefix = ''): (readonly [field: string, value: unknown])[] =>
  Object.entries(fields).flatMap(([name, value]) =>
    isFields(value) && !isComparison(value) ? leavesOf(value, `${prefix}${name}.`) : [[prefix + name, value] as const],
  )

const order = Object.keys(phrases)

/** What an expectation demands beside the state: the fields with a phrase each; placeholders stay. */
export function fieldDemandsOf({ state: _, ...expect }: Fields): { field: string; text: string }[] {
  const leaves = leavesOf(expect).sort(([a], [b]) => order.indexOf(a) - order.indexOf(b))
  return leaves.flatMap(([field, value]) => {
    const phrase = phrases[field]
    if (!phrase) return [{ field, text: `${field}: ${valueText(value)}` }]
    if (isComparison(value)) return [{ field, text: `${phrase('')}, if ${conditionText(value)}` }]
    const isFlag = phrase('1') === phrase('2')
    if (isFlag && isPlaceholder(value)) return [{ field, text: `${phrase('')}, if ${value} is true` }]
    return value === false && !demandsByFalse.includes(field) ? [] : [{ field, text: phrase(valueText(value)) }]
  })
}

/** What an expectation demands beside the state, a phrase each. */
export const demandsOf = (expect: Fields): string[] => fieldDemandsOf(expect).map(({ text }) => text)
