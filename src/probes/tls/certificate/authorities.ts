import { X509Certificate } from 'node:crypto'
import { getCACertificates } from 'node:tls'
import { createCache } from '../cache.ts'
import { fingerprint } from './certificate.ts'

/** The trust anchors of a verification. */
export interface Authorities {
  /** Equal for equal sets; a cache key. */
  id: string
  pems: readonly string[]
  /** The anchors with this subject, as `X509Certificate` formats it. */
  anchors: (subject: string | undefined) => readonly X509Certificate[]
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g
const cached = createCache<Authorities>(16)

/** The anchors of the system (else those of Node), and the certificates in a PEM bundle. */
export function authoritiesWith(bundle = ''): Authorities {
  if (bundle === '') return cached('system', () => createAuthorities('system', systemPems()))
  const id = fingerprint(Buffer.from(bundle))
  return cached(id, () => withBundle(id, bundle))
}

function withBundle(id: string, bundle: string): Authorities {
  const system = authoritiesWith()
  const own = createAuthorities(id, (bundle.match(pemCertificate) ?? []).filter(isReadable))
  return {
    id,
    pems: [...system.pems, ...own.pems],
    anchors: (subject) => [...own.anchors(subject), ...system.anchors(subject)],
  }
}

function createAuthorities(id: string, pems: readonly string[]): Authorities {
  let bySubject: Map<string, X509Certificate[]> | undefined
  return {
    id,
    pems,
    anchors: (subject) => {
      bySubject ??= Map.groupBy(
        pems.filter(isReadable).map((pem) => new X509Certificate(pem)),
        (certificate) => certificate.subject,
      )
      return bySubject.get(subject ?? '') ?? []
    },
  }
}

/** Deduplicated, because Debian lists each certificate under several names. */
function systemPems(): string[] {
  const system = getCACertificates('system')
  return [...new Set(system.length > 0 ? system : getCACertificates('bundled'))]
}

function isReadable(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}
