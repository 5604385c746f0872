import type { Severity } from '../../domain/policy/policy.ts'

/** What `audit` can print. */
export const formats = ['table', 'json', 'csv', 'junit', 'sarif', 'oscal', 'nmap', 'html'] as const

export interface AuditOptions {
  hosts: string[]
  /** A file with more hosts; `-` is standard input. */
  targets?: string
  label?: string[]
  policy: string
  param?: string[]
  vantage?: string[]
  ticket?: string
  format: (typeof formats)[number]
  output?: string
  baseline?: string
  failOn?: Severity
  /** Milliseconds between two audits; undefined: one audit. */
  watch?: number
  quiet?: true
  server?: URL
}
