import { hash, type X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { TlsFacts } from '../../../domain/protocols/tls.ts'
import { escapeControls } from '../../../encoding/text.ts'
import { demandsStaple } from './constraints.ts'
import { describeKey } from './public-key.ts'
import { signatureAlgorithmOf } from './signature.ts'

type CertificateFacts = NonNullable<TlsFacts['certificate']>

const [maxNameLength, maxSanLength] = [1024, 300]

/** SHA-256 of a DER structure, in lower-case hexadecimal. */
export const fingerprint = (der: Uint8Array): string => hash('sha256', der, 'hex')

/** The facts of a certificate; undefined if OpenSSL cannot parse its dates or key. */
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
      signatureAlgorithm: signatureAlgorithmOf(certificate),
      selfSigned: isSelfSigned(certificate),
      ...(demandsStaple(certificate.raw) && { mustStaple: true }),
    }
  } catch {
    return undefined
  }
}

/** Whether `issuer` is named in the certificate and signed it. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  } catch {
    return false // a key type that OpenSSL does not support
  }
}

export const isSelfSigned = (certificate: X509Certificate): boolean => isIssuedBy(certificate, certificate)

/** Matches the alternative names only, never the CN (RFC 9525 section 2). */
export function namesHost(certificate: X509Certificate, host: string): boolean {
  if (isIP(host)) return certificate.checkIP(host) !== undefined
  const name = host.replace(/\.$/, '')
  return certificate.checkHost(name, { subject: 'never', partialWildcards: false }) !== undefined
}

// Node gives one RDN per line in certificate order; RFC 4514 reverses it.
function distinguishedName(lines: string | undefined): string {
  const names = (lines ?? '').split('\n').map((name) => name.replaceAll(' + ', '+'))
  return escapeControls(names.toReversed().join(','), maxNameLength)
}

// Ambiguous values are JSON strings since CVE-2021-44532.
const alternativeName = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/g

function alternativeNames(list: string): string[] {
  return Array.from(list.matchAll(alternativeName), ([, kind = '', value = '']) => {
    const text = value.startsWith('"') ? String(JSON.parse(value)) : value
    return escapeControls(kind === 'IP Address' ? `IP:${address(text)}` : `${kind}:${text}`, maxSanLength)
  })
}

const address = (text: string): string => (ipaddr.isValid(text) ? ipaddr.parse(text).toString() : text)
