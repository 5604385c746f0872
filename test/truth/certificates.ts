import { type Authority, type Certificate, type CertificateOptions, createAuthority } from '../support/certificates.ts'

/** The name that the certificates are issued for, beside the address. */
export const hostName = 'www.lab.test'
const request: CertificateOptions = { commonName: hostName, subjectAltName: `DNS:${hostName},IP:127.0.0.1` }

interface Authorities {
  root: Authority
  intermediate: Authority
  /** May issue for `lab.test` only, and for `elsewhere.test` only. */
  forLab: Authority
  forElsewhere: Authority
  other: Authority
}

const from = (issuer: keyof Authorities, change: Partial<CertificateOptions> = {}) => {
  return (authorities: Authorities) => authorities[issuer].issue({ ...request, ...change })
}
const constraint = (names: string) => [`nameConstraints=critical,permitted;${names},permitted;IP:127.0.0.0/255.0.0.0`]

const makers = {
  good: from('root'),
  expired: from('root', { fromDays: -30, toDays: -1 }),
  'not-yet-valid': from('root', { fromDays: 2 }),
  soon: from('root', { toDays: 5.5 }),
  'wrong-name': from('root', { commonName: 'other.lab.test', subjectAltName: 'DNS:other.lab.test' }),
  'address-only': from('root', { commonName: 'Server', subjectAltName: 'IP:127.0.0.1' }),
  'name-only': from('root', { subjectAltName: `DNS:${hostName}` }),
  wildcard: from('root', { commonName: '*.lab.test', subjectAltName: 'DNS:*.lab.test' }),
  'wildcard-of-parent': from('root', { commonName: '*.test', subjectAltName: 'DNS:*.test' }),
  'partial-wildcard': from('root', { subjectAltName: 'DNS:w*.lab.test' }),
  'name-in-subject': from('root', { subjectAltName: '' }),
  'self-signed': ({ root }: Authorities) => root.selfSign(request),
  'other-ca': from('other'),
  'below-intermediate': from('intermediate'),
  'constraint-met': from('forLab'),
  'constraint-broken': from('forElsewhere'),
  'for-clients': from('root', { extendedKeyUsage: 'clientAuth' }),
  'rsa-1024': from('root', { key: 'rsa:1024' }),
  'rsa-2048': from('root', { key: 'rsa:2048' }),
  'p-384': from('root', { key: 'p384' }),
  ed25519: from('root', { key: 'ed25519' }),
  'sha1-signature': from('root', { digest: 'sha1' }),
  'must-staple': from('root', { mustStaple: true }),
  revoked: async ({ root }: Authorities) => {
    const certificate = await root.issue(request)
    await root.revoke(certificate)
    return certificate
  },
} satisfies Record<string, (authorities: Authorities) => Promise<Certificate>>

export type CertificateName = keyof typeof makers
export const certificateNames = Object.keys(makers) as CertificateName[]

export interface Certificates {
  /** The authority that rules and oracles trust. */
  root: Authority
  named: Record<CertificateName, Certificate>
  /** Files of OCSP responses about these. */
  responses: Record<'must-staple' | 'revoked', string>
}

/** Makes every certificate of the table once. */
export async function makeCertificates(): Promise<Certificates> {
  const [root, other] = await Promise.all([createAuthority('Truth Root'), createAuthority('Other Root')])
  const [intermediate, forLab, forElsewhere] = await Promise.all([
    root.subordinate('Truth Intermediate'),
    root.subordinate('Authority for lab.test', constraint('DNS:lab.test')),
    root.subordinate('Authority for elsewhere.test', constraint('DNS:elsewhere.test')),
  ])
  const authorities = { root, other, intermediate, forLab, forElsewhere }
  const entries = Object.entries(makers).map(async ([name, make]) => [name, await make(authorities)] as const)
  const named = Object.fromEntries(await Promise.all(entries)) as Certificates['named']
  const responses = {
    'must-staple': await root.ocspResponse(named['must-staple']),
    revoked: await root.ocspResponse(named.revoked),
  }
  return { root, named, responses }
}
