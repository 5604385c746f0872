/** The reports by name, with their paths. */
export const reports = {
  compliance: '/v1/reports/compliance',
  controls: '/v1/reports/controls',
  drift: '/v1/reports/drift',
  history: '/v1/reports/history',
  trend: '/v1/reports/trend',
  unknown: '/v1/reports/unknown',
  findings: '/v1/findings',
} as const

export interface ReportOptions {
  query?: string[]
  format: 'json' | 'csv' | 'ndjson'
  server?: URL
}
