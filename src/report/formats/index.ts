import type { Rendering } from './audit.ts'
import { renderJunit } from './junit.ts'
import { renderNmap } from './nmap.ts'
import { renderOscal } from './oscal.ts'
import { renderSarif } from './sarif.ts'

interface AuditFormat {
  mediaType: string
  /** Of the name of a file. */
  ending: string
  render: Rendering
}

/** The documents that an audit can be written as. */
export const auditFormats = {
  oscal: { mediaType: 'application/oscal+json', ending: 'oscal.json', render: renderOscal },
  sarif: { mediaType: 'application/sarif+json', ending: 'sarif', render: renderSarif },
  junit: { mediaType: 'application/junit+xml', ending: 'junit.xml', render: renderJunit },
  nmap: { mediaType: 'application/nmap+xml', ending: 'nmap.xml', render: renderNmap },
} as const satisfies Record<string, AuditFormat>

export type AuditFormatName = keyof typeof auditFormats
