import type { TlsVersion } from '../../../src/domain/protocols/tls.ts'
import type { Certificate } from '../certificates.ts'

/** A listener for TLS. */
export interface TlsSite {
  certificate: Certificate
  /** Sends the certificate without that of its issuer. */
  leafOnly?: boolean
  /** Adjacent versions, the oldest first; default TLS 1.2 and 1.3. */
  versions?: readonly TlsVersion[]
  /** The file of the authority whose client certificates it demands. */
  clientCa?: string
  /** The file of an OCSP response that it staples; nginx and OpenSSL only. */
  staple?: string
  /** Default: the choice of the server. */
  alpn?: readonly string[]
}

/** OpenSSL's words to accept old versions and short keys too. */
export const oldCiphers = 'DEFAULT@SECLEVEL=0'
export const defaultVersions: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3']

/** The file of the certificates that a site sends. */
export const sentPath = ({ certificate, leafOnly }: TlsSite): string =>
  leafOnly ? certificate.certPath : certificate.chainPath
