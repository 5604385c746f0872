import type { Rendering } from './audit.ts'
import { renderJunit } from './junit.ts'
import { renderNmap } from './nmap.ts'
import { renderOscal } from './oscal.ts'
import { renderSarif } from './sarif.ts'

interface AuditFormat {
  mediaType: string
  /** Of the file name, after `audit-ID.`. */
  ending: string
  /** Standard and version, for OpenAPI. */
  description: string
  render: Rendering
}

/** The documents that an ended audit can be exported as; each entry is a `format` of `GET /v1/audits/{id}`. */
export const auditFormats = {
  oscal: {
    mediaType: 'application/oscal+json',
    ending: 'oscal.json',
    description: 'OSCAL Assessment Results 1.2',
    render: renderOscal,
  },
  sarif: { mediaType: 'application/sarif+json', ending: 'sarif', description: 'SARIF 2.1.0', render: renderSarif },
  junit: { mediaType: 'application/junit+xml', ending: 'junit.xml', description: 'JUnit XML', render: renderJunit },
  nmap: {
    mediaType: 'application/nmap+xml',
    ending: 'nmap.xml',
    description: 'Nmap XML, readable by ndiff',
    render: renderNmap,
  },
} as const satisfies Record<string, AuditFormat>

export type AuditFormatName = keyof typeof auditFormats
