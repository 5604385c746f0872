import { createHash, type X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { FactsByProbe } from '../../domain/findings/observation.ts'
import { escapeControls } from '../../encoding/text.ts'

type CertificateFacts = NonNullable<FactsByProbe['tls']['certificate']>

const [longestName, longestSan, mostSans] = [1024, 300, 200]

/** SHA-256 of a DER structure, lower-case hexadecimal. */
export const fingerprint = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex')

/** The facts of one certificate; undefined when it holds what OpenSSL cannot read (a date, a key of an unknown kind). */
export function describeCertificate(certificate: X509Certificate): CertificateFacts | undefined {
  try {
    return {
      subject: distinguishedName(certificate.subject),
      issuer: distinguishedName(certificate.issuer),
      sans: alternativeNames(certificate.subjectAltName ?? ''),
      notBefore: certificate.validFromDate.toISOString(),
      notAfter: certificate.validToDate.toISOString(),
      serialNumber: certificate.serialNumber,
      sha256: fingerprint(certificate.raw),
      publicKey: describeKey(certificate),
      selfSigned: isSelfSigned(certificate),
    }
  } catch {
    return undefined
  }
}

/** Whether the one certificate names the other as its issuer and carries its signature. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  } catch {
    return false // a key of a kind that OpenSSL does not know
  }
}

export const isSelfSigned = (certificate: X509Certificate): boolean => isIssuedBy(certificate, certificate)

/** Whether the certificate names the host: only by its alternative names, never by its CN (RFC 9525 section 2). */
export function namesHost(certificate: X509Certificate, host: string): boolean {
  if (isIP(host)) return certificate.checkIP(host) !== undefined
  const name = host.replace(/\.$/, '')
  return certificate.checkHost(name, { subject: 'never', partialWildcards: false }) !== undefined
}

function describeKey(certificate: X509Certificate): CertificateFacts['publicKey'] {
  const { publicKey } = certificate
  // The size of an elliptic curve is in the legacy form only.
  const { bits } = certificate.toLegacyObject() as { bits?: number }
  return {
    type: publicKey.asymmetricKeyType ?? 'unknown',
    bits: publicKey.asymmetricKeyDetails?.modulusLength ?? bits,
    sha256: fingerprint(publicKey.export({ type: 'spki', format: 'der' })),
  }
}

// Node gives RFC 2253 values, one relative name a line, in the order of the certificate; RFC 4514 has the reverse order.
function distinguishedName(lines: string | undefined): string {
  const names = (lines ?? '').split('\n').map((name) => name.replaceAll(' + ', '+'))
  return escapeControls(names.toReversed().join(','), longestName)
}

// What could be misread is a JSON string here: CVE-2021-44532.
const alternativeName = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/g

function alternativeNames(list: string): string[] {
  return Array.from(list.matchAll(alternativeName), ([, kind = '', value = '']) => {
    const text = value.startsWith('"') ? String(JSON.parse(value)) : value
    return escapeControls(kind === 'IP Address' ? `IP:${address(text)}` : `${kind}:${text}`, longestSan)
  }).slice(0, mostSans)
}

const address = (text: string): string => (ipaddr.isValid(text) ? ipaddr.parse(text).toString() : text)
