import type { X509Certificate } from 'node:crypto'
import { weakSignature } from '../../../domain/protocols/certificate.ts'
import type { TlsFacts } from '../../../domain/protocols/tls.ts'
import type { Authorities } from './authorities.ts'
import { isIssuedBy, isSelfSigned } from './certificate.ts'
import { constraintsOf, isVersionOne } from './constraints.ts'
import { describeKey } from './public-key.ts'
import { isWeaklySigned } from './signature.ts'

type Trust = Pick<TlsFacts, 'trusted' | 'trustError'> & {
  /** When the last chain to an anchor ends, in milliseconds; of a trusted chain whose leaf is valid now. */
  trustedUntil?: number
}

interface TrustInput {
  /** The chain as the peer sent it, leaf first. */
  chain: readonly X509Certificate[]
  /** OpenSSL's verdict: null if it trusts the chain, undefined if it did not verify. */
  verdict: string | null | undefined
  authorities: Authorities
  now: number
}

const aboutDates: ReadonlySet<string> = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])

// NIST SP 800-57 part 1: 112 bits of security. The leaf's key is a fact of its own.
const shortestKeys: Record<string, number> = { rsa: 2048, 'rsa-pss': 2048, dsa: 2048, ec: 224 }

function hasShortKey(certificate: X509Certificate): boolean {
  const { type, bits } = describeKey(certificate)
  return bits !== undefined && bits < (shortestKeys[type] ?? 0)
}

/**
 * Whether the chain leads to a trusted anchor, regardless of the leaf's dates and names, which are facts of their own.
 * OpenSSL decides, except where it stopped at the leaf's dates or the handshake failed earlier. Then our stricter path
 * search decides, with no result if a certificate has constraints that it does not check.
 * Weak signatures and short keys of authorities are never trusted, although the handshake accepts them.
 */
export function judgeTrust({ chain, verdict, authorities, now }: TrustInput): Trust {
  const [leaf] = chain
  if (!leaf) return {}
  const leafOutdated = !validAt(leaf, now)
  const ownSearch = verdict === undefined || (verdict !== null && aboutDates.has(verdict) && leafOutdated)
  if (!ownSearch && verdict !== null) return { trusted: false, trustError: verdict }
  const path = pathToAnchor(chain, authorities, { now })
  // OpenSSL may have found another path, of which the strength is not known.
  if (!path) return ownSearch ? { trusted: false, trustError: whyNoPath(chain) } : {}
  // The anchor is trusted by configuration, not by its signature; its key signs what is below.
  const proven = path.slice(0, -1)
  if (proven.some(isWeaklySigned)) return { trusted: false, trustError: weakSignature }
  if (path.slice(1).some(hasShortKey)) return { trusted: false, trustError: 'CA_KEY_TOO_SMALL' }
  if (ownSearch && path.some(hasUncheckedConstraints)) return {}
  return { trusted: true, ...(leafOutdated ? {} : { trustedUntil: lastEnd(path, { chain, authorities, now }) }) }
}

const endOf = (certificate: X509Certificate): number => certificate.validToDate.getTime()

/** The latest end among all paths to an anchor; a path ends with the first of its certificates. */
function lastEnd(path: readonly X509Certificate[], { chain, authorities, now }: Omit<TrustInput, 'verdict'>): number {
  const end = Math.min(...path.map(endOf))
  const [leaf] = path
  if (!leaf || end === endOf(leaf)) return end // no path outlasts its leaf
  const longer = pathToAnchor(chain, authorities, { now, endsAfter: end })
  return longer ? lastEnd(longer, { chain, authorities, now }) : end
}

const validAt = (certificate: X509Certificate, now: number): boolean =>
  now >= certificate.validFromDate.getTime() && now <= certificate.validToDate.getTime()

// The peer chooses how many authorities of one name it sends, and each costs a signature check.
const maxSignatureChecks = 100

/** The path from the leaf to a trust anchor, of authorities that end after a time; undefined if there is none. */
function pathToAnchor(
  chain: readonly X509Certificate[],
  { anchors }: Authorities,
  { now, endsAfter = now - 1 }: { now: number; endsAfter?: number },
): X509Certificate[] | undefined {
  const unused = new Set(chain.slice(1))
  let checksLeft = maxSignatureChecks
  const climb = (from: X509Certificate, below: number): X509Certificate[] | undefined => {
    if (anchors(from.subject).some((anchor) => anchor.fingerprint256 === from.fingerprint256)) return [from]
    const vouches = (issuer: X509Certificate) =>
      validAt(issuer, now) &&
      endOf(issuer) > endsAfter &&
      allowsBelow(issuer, below) &&
      servesTls(issuer) &&
      from.checkIssued(issuer) &&
      checksLeft-- > 0 &&
      isIssuedBy(from, issuer)
    const anchor = anchors(from.issuer).find((issuer) => (issuer.ca || isVersionOneRoot(issuer)) && vouches(issuer))
    if (anchor) return [from, anchor]
    for (const issuer of unused) {
      if (!issuer.ca || !vouches(issuer)) continue
      unused.delete(issuer) // once each, which bounds the search under cross-signatures
      const isSelfIssued = issuer.subject === issuer.issuer // not counted, RFC 5280 section 4.2.1.9
      const rest = climb(issuer, isSelfIssued ? below : below + 1)
      if (rest) return [from, ...rest]
    }
    return undefined
  }
  const [leaf] = chain
  return leaf && servesTls(leaf) ? climb(leaf, 0) : undefined
}

function allowsBelow({ raw }: X509Certificate, authoritiesBelow: number): boolean {
  const constraints = constraintsOf(raw)
  return constraints !== undefined && (constraints.pathLength ?? Number.POSITIVE_INFINITY) >= authoritiesBelow
}

const [serverAuth, anyUsage] = ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0']

// Node's `keyUsage` is the extended key usage; absent means unrestricted.
const servesTls = ({ keyUsage }: X509Certificate): boolean =>
  !keyUsage || keyUsage.includes(serverAuth) || keyUsage.includes(anyUsage)

/** Version 1 cannot say that a certificate is an authority; OpenSSL accepts such roots. */
const isVersionOneRoot = (anchor: X509Certificate): boolean => isVersionOne(anchor.raw) && isSelfSigned(anchor)

const hasUncheckedConstraints = ({ raw }: X509Certificate): boolean => constraintsOf(raw)?.more ?? true

// OpenSSL's names, so that expiry changes no other fact.
function whyNoPath(chain: readonly X509Certificate[]): string {
  const [leaf, ...above] = chain
  if (leaf && isSelfSigned(leaf)) return 'DEPTH_ZERO_SELF_SIGNED_CERT'
  return above.some(isSelfSigned) ? 'SELF_SIGNED_CERT_IN_CHAIN' : 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'
}
