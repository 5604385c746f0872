import type { X509Certificate } from 'node:crypto'
import type { FactsByProbe } from '../../domain/findings/observation.ts'
import type { Authorities } from './authorities.ts'
import { isIssuedBy, isSelfSigned } from './certificate.ts'
import { constraintsOf } from './constraints.ts'

type Trust = Pick<FactsByProbe['tls'], 'trusted' | 'trustError'>

interface ResolvedRequest {
  /** The chain as the peer sent it, leaf first. */
  chain: readonly X509Certificate[]
  /** OpenSSL's verdict: null when it found nothing wrong, undefined when it was not asked. */
  verdict: string | null | undefined
  authorities: Authorities
  now: number
}

const aboutDates: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])

/**
 * Whether the chain leads to a trusted authority, whatever the dates of the leaf and the names in it say (both are facts of
 * their own); the dates of the authorities above it do count. OpenSSL judges. Where it stops at the dates of the leaf, or
 * where a handshake failed before it was asked, our own walk decides, which trusts less than OpenSSL: it says nothing
 * (neither trusted nor not) where a certificate on the way has constraints that it does not understand.
 * A chain that hangs on an MD5 or SHA-1 signature is not trusted: the handshake accepts such ones only to look at them.
 */
export function judgeTrust({ chain, verdict, authorities, now }: ResolvedRequest): Trust {
  const [leaf] = chain
  if (!leaf) return {}
  const leafOutdated = !validAt(leaf, now)
  const ownWalk = verdict === undefined || (verdict !== null && aboutDates.has(verdict) && leafOutdated)
  if (!ownWalk && verdict !== null) return { trusted: false, trustError: verdict }
  const path = pathToAnchor(chain, authorities, now)
  if (ownWalk && !path) return { trusted: false, trustError: whyNoPath(chain) }
  // The signature of the authority itself is not what it is trusted for.
  if ((path?.slice(0, -1) ?? [leaf]).some(weaklySigned)) return { trusted: false, trustError: 'CA_MD_TOO_WEAK' }
  return ownWalk && path?.some(beyondUs) ? {} : { trusted: true }
}

const validAt = (certificate: X509Certificate, now: number): boolean =>
  now >= certificate.validFromDate.getTime() && now <= certificate.validToDate.getTime()

const weaklySigned = ({ signatureAlgorithm = '' }: X509Certificate): boolean =>
  /md[245]|sha1(?!\d)|sha-1$/i.test(signatureAlgorithm)

// A peer decides how many certificates it sends; each may cost a signature check.
const mostCertificates = 10

/** The leaf, the intermediates and the trusted certificate that they lead to; undefined when there is no such way. */
function pathToAnchor(
  chain: readonly X509Certificate[],
  { anchors }: Authorities,
  now: number,
): X509Certificate[] | undefined {
  const unused = new Set(chain.slice(1, mostCertificates))
  const climb = (from: X509Certificate, below: number): X509Certificate[] | undefined => {
    if (anchors(from.subject).some((anchor) => anchor.fingerprint256 === from.fingerprint256)) return [from]
    const vouches = (issuer: X509Certificate) =>
      issuer.ca && validAt(issuer, now) && allowsBelow(issuer, below) && signed(issuer, from)
    const anchor = anchors(from.issuer).find(vouches)
    if (anchor) return [from, anchor]
    for (const issuer of unused) {
      if (!vouches(issuer)) continue
      unused.delete(issuer) // once each, so that crossed signatures cannot make this long
      const rest = climb(issuer, below + 1)
      if (rest) return [from, ...rest]
    }
    return undefined
  }
  const [leaf] = chain
  return leaf && servesTls(leaf) ? climb(leaf, 0) : undefined
}

const signed = (issuer: X509Certificate, certificate: X509Certificate): boolean =>
  servesTls(issuer) && isIssuedBy(certificate, issuer)

function allowsBelow({ raw }: X509Certificate, authoritiesBelow: number): boolean {
  const constraints = constraintsOf(raw)
  return constraints !== undefined && (constraints.pathLength ?? Number.POSITIVE_INFINITY) >= authoritiesBelow
}

const [serverAuth, anyUsage] = ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0']

// Node's `keyUsage` is the extended key usage; absent, it does not restrict.
const servesTls = ({ keyUsage }: X509Certificate): boolean =>
  !keyUsage || keyUsage.includes(serverAuth) || keyUsage.includes(anyUsage)

const beyondUs = ({ raw }: X509Certificate): boolean => constraintsOf(raw)?.more ?? true

// The name that OpenSSL has for it, so that nothing but the dates changes in the facts on the day a certificate expires.
function whyNoPath(chain: readonly X509Certificate[]): string {
  const [leaf, ...above] = chain
  if (leaf && isSelfSigned(leaf)) return 'DEPTH_ZERO_SELF_SIGNED_CERT'
  return above.some(isSelfSigned) ? 'SELF_SIGNED_CERT_IN_CHAIN' : 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'
}
