import type { Evidence } from '../../../domain/findings/evidence.ts'
import type { TlsFacts } from '../../../domain/protocols/tls.ts'
import type { CurrentFinding } from '../findings/current-finding.ts'

/** A certificate, and where it was seen. */
export interface SeenCertificate {
  certificate: NonNullable<TlsFacts['certificate']>
  trusted: boolean | undefined
  trustError: string | undefined
  nameMatches: boolean | undefined
  ocsp: string | undefined
  /** "10.20.0.11 port 443". */
  endpoints: string[]
}

/** The TLS facts of a protocol, which are beside its own or in a group. */
export const tlsOf = (facts: object): TlsFacts => ('tls' in facts ? (facts.tls as TlsFacts) : facts)

/** The certificates in findings, each once, the first to expire first. */
export function certificatesOf(findings: readonly Pick<CurrentFinding, 'evidence'>[]): SeenCertificate[] {
  const found = new Map<string, SeenCertificate>()
  for (const { evidence } of findings)
    for (const { address, facts } of factsOf(evidence)) {
      const { certificate, trusted, trustError, nameMatches, ocsp } = tlsOf(facts)
      if (!certificate || !evidence) continue
      const endpoint = `${address} port ${evidence.port}`
      const known = found.get(certificate.sha256)
      if (known && !known.endpoints.includes(endpoint)) known.endpoints.push(endpoint)
      if (!known)
        found.set(certificate.sha256, {
          ...{ certificate, trusted, trustError, nameMatches, ocsp: ocsp?.status, endpoints: [endpoint] },
        })
    }
  return [...found.values()].sort((a, b) => Date.parse(a.certificate.notAfter) - Date.parse(b.certificate.notAfter))
}

const factsOf = (evidence: Evidence | null) =>
  Object.entries(evidence?.addresses ?? {}).flatMap(([address, { facts }]) => (facts ? [{ address, facts }] : []))

const dayMs = 24 * 60 * 60 * 1000

/** Whole days until a certificate ends; negative after its end. */
export const daysLeft = (notAfter: string, now: Date): number =>
  Math.floor((Date.parse(notAfter) - now.getTime()) / dayMs)
