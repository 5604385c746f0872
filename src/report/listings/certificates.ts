import type { Columns } from '../../encoding/csv.ts'
import type { CalendarDay } from './calendar.ts'

interface CertificateRow {
  sha256: string
  subject: string
  issuer: string
  sans: readonly string[]
  notBefore: string
  notAfter: string
  daysLeft: number
  serialNumber: string
  selfSigned: boolean
  trusted: boolean | null
  trustError: string | null
  nameMatches: boolean | null
  targets: number
  seen: readonly Endpoint[]
}
interface Endpoint {
  target: string
  address: string
  port: number
}

export const certificateColumns: Columns<CertificateRow> = {
  sha256: (item) => item.sha256,
  subject: (item) => item.subject,
  issuer: (item) => item.issuer,
  names: (item) => item.sans.join(' '),
  notBefore: (item) => item.notBefore,
  notAfter: (item) => item.notAfter,
  daysLeft: (item) => item.daysLeft,
  serialNumber: (item) => item.serialNumber,
  selfSigned: (item) => item.selfSigned,
  trusted: (item) => item.trusted,
  trustError: (item) => item.trustError,
  nameMatches: (item) => item.nameMatches,
  targets: (item) => item.targets,
  seen: (item) => item.seen.map(textOf).join(', '),
}

const textOf = ({ target, address, port }: Endpoint) => `${target} (${address} port ${port})`

/** The end of a certificate as an event of a calendar. */
export const certificateDay = (item: CertificateRow): CalendarDay => ({
  uid: `${item.sha256}@certificates.portwarden`,
  day: new Date(item.notAfter),
  summary: `Certificate ends: ${item.subject || item.sans[0] || item.sha256.slice(0, 16)}`,
  description: [
    `Ends ${item.notAfter}`,
    `Issuer: ${item.issuer}`,
    `SHA-256: ${item.sha256}`,
    `Seen at ${item.targets} ${item.targets === 1 ? 'target' : 'targets'}: ${item.seen.map(textOf).join(', ')}`,
  ].join('\n'),
})
