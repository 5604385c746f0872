import type { WebSite } from '../support/peers/web-sites.ts'
import { type Certificates, certificateNames, hostName } from './certificates.ts'

/** The listeners of web servers and TLS servers by name; a certificate's name is a site that sends it. */
export function sitesFor({ root, named, responses }: Certificates): Readonly<Record<string, WebSite>> {
  const { good } = named
  const plain = certificateNames.map((name) => [name, { tls: { certificate: named[name] } }] as const)
  return {
    ...Object.fromEntries(plain),
    'missing-intermediate': { tls: { certificate: named['below-intermediate'], leafOnly: true } },
    'stapled-good': { tls: { certificate: named['must-staple'], staple: responses['must-staple'] } },
    'stapled-revoked': { tls: { certificate: named.revoked, staple: responses.revoked } },
    'tls1.0': { tls: { certificate: good, versions: ['TLSv1'] } },
    'tls1.1': { tls: { certificate: good, versions: ['TLSv1.1'] } },
    'tls1.2': { tls: { certificate: good, versions: ['TLSv1.2'] } },
    'tls1.3': { tls: { certificate: good, versions: ['TLSv1.3'] } },
    'tls1.0-to-1.3': { tls: { certificate: good, versions: ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] } },
    'tls1.1-to-1.2': { tls: { certificate: good, versions: ['TLSv1.1', 'TLSv1.2'] } },
    'client-certificate-1.2': { tls: { certificate: good, versions: ['TLSv1.2'], clientCa: root.caPath } },
    'client-certificate-1.3': { tls: { certificate: good, versions: ['TLSv1.3'], clientCa: root.caPath } },
    'h2-only': { tls: { certificate: good, alpn: ['h2'] } },
    'h2-and-1.1': { tls: { certificate: good, alpn: ['h2', 'http/1.1'] } },
    'tls-403': { tls: { certificate: good }, status: 403 },
    'tls-404': { tls: { certificate: good }, status: 404 },
    'tls-500': { tls: { certificate: good }, status: 500 },
    'tls-redirect': { tls: { certificate: good }, status: 302, location: `https://${hostName}/login` },
    'tls-hsts': { tls: { certificate: good }, hsts: 'max-age=31536000' },
    'clear-200': {},
    'clear-400': { status: 400 },
    'clear-401': { status: 401 },
    'clear-403': { status: 403 },
    'clear-404': { status: 404 },
    'clear-426': { status: 426 },
    'clear-503': { status: 503 },
    'clear-301': { status: 301, location: `https://${hostName}/` },
    'clear-308': { status: 308, location: `https://${hostName}/` },
  }
}
