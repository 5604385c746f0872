import type { Rendering } from './audit.ts'
import { renderHtml } from './html.ts'
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
  /** An excerpt, for OpenAPI. */
  example: object | string
  render: Rendering
}

/** The documents that an ended audit can be exported as; each entry is a `format` of `GET /v1/audits/{id}`. */
export const auditFormats = {
  oscal: {
    mediaType: 'application/oscal+json',
    ending: 'oscal.json',
    description: 'OSCAL Assessment Results 1.2',
    example: { 'assessment-results': { uuid: '019b7600-0000-7000-8000-000000000001', results: [] } },
    render: renderOscal,
  },
  sarif: {
    mediaType: 'application/sarif+json',
    ending: 'sarif',
    description: 'SARIF 2.1.0',
    example: { version: '2.1.0', runs: [{ tool: { driver: { name: 'Portwarden' } }, results: [] }] },
    render: renderSarif,
  },
  junit: {
    mediaType: 'application/junit+xml',
    ending: 'junit.xml',
    description: 'JUnit XML, valid by the schemas of windyroad and Jenkins',
    example: '<testsuites><testsuite name="netwrix-endpoint-protector@1" tests="15" failures="1"/></testsuites>',
    render: renderJunit,
  },
  nmap: {
    mediaType: 'application/nmap+xml',
    ending: 'nmap.xml',
    description: 'Nmap XML, valid by nmap.dtd',
    example: '<nmaprun scanner="nmap" version="portwarden 0.1.0"/>',
    render: renderNmap,
  },
  html: {
    mediaType: 'text/html',
    ending: 'html',
    description: 'A page for people: self-contained HTML, to be printed or sent',
    example: '<!doctype html><html lang="en"></html>',
    render: renderHtml,
  },
} as const satisfies Record<string, AuditFormat>

export type AuditFormatName = keyof typeof auditFormats
