import { type Static, Type } from 'typebox'
import { Certificate as CertificateFacts } from '../../../../domain/protocols/certificate.ts'
import { LabelQuery } from '../../../listing/labels.ts'
import { PointInTimeQuery } from '../../../listing/point-in-time.ts'
import { Count, closedObject, nullable, PageQuery, pageOf, TimeInput, Timestamp } from '../../../openapi/schemas.ts'
import { TargetName } from '../../targets/schemas.ts'
import { SeriesQuery } from './series.ts'

const { properties: facts } = CertificateFacts

export const Certificate = Type.Object(
  {
    sha256: { ...facts.sha256, examples: ['5f'.repeat(32)] },
    subject: { ...facts.subject, examples: ['CN=epp-01.example'] },
    issuer: { ...facts.issuer, description: 'Distinguished name of the issuer, RFC 4514', examples: ['CN=Example CA'] },
    sans: Type.Array(Type.String(), {
      description: 'Subject alternative names as `DNS:name` or `IP:address`',
      examples: [['DNS:epp-01.example']],
    }),
    notBefore: Timestamp('When it begins to be valid'),
    notAfter: Timestamp('When it ends'),
    daysLeft: Type.Integer({ description: 'Whole days from that time to its end; negative after it', examples: [30] }),
    serialNumber: { ...facts.serialNumber, examples: ['0a1b'] },
    selfSigned: { ...facts.selfSigned, description: 'Whether it is its own issuer', examples: [false] },
    publicKey: {
      ...facts.publicKey,
      description: 'The public key',
      examples: [{ type: 'ec', bits: 256, sha256: '7a'.repeat(32) }],
    },
    signatureAlgorithm: nullable(Type.String(), {
      description: 'As OpenSSL names it',
      examples: ['ecdsa-with-SHA256'],
    }),
    trusted: nullable(Type.Boolean(), {
      description:
        'Whether its chain leads to a trusted authority wherever it was seen; null where it was not examined',
      examples: [true],
    }),
    trustError: nullable(Type.String(), { description: 'Why it is not trusted', examples: [null] }),
    nameMatches: nullable(Type.Boolean(), {
      description: 'Whether it names the host wherever it was seen; null where it was not examined',
      examples: [true],
    }),
    targets: Count('Targets that show it', 1),
    seen: Type.Array(
      Type.Object({
        target: TargetName,
        host: Type.String({ description: 'The host that was dialled', examples: ['epp-01.example'] }),
        address: Type.String({ description: 'The address that it has', examples: ['10.20.0.11'] }),
        port: Type.Integer({ description: 'The port', examples: [443] }),
      }),
      { description: 'Where it was seen, at most 20 endpoints' },
    ),
  },
  { $id: 'Certificate', description: 'A certificate, and where it was seen' },
)
export type Certificate = Static<typeof Certificate>

export const CertificateReport = Type.Object(
  { at: Timestamp('Point in time of the report', '12:00:00'), ...pageOf(Certificate).properties },
  { $id: 'CertificateReport', description: 'Certificates at a point in time, the first to end first' },
)
export type CertificateReport = Static<typeof CertificateReport>

export const certificateFormats = {
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
  ics: 'text/calendar',
} as const

export const CertificateQuery = closedObject({
  ...PointInTimeQuery,
  expiresBefore: Type.Optional(TimeInput('Only certificates that end before', '2027-02-01T00:00:00Z')),
  policy: SeriesQuery.policy,
  target: SeriesQuery.target,
  externalId: SeriesQuery.externalId,
  ...LabelQuery,
  q: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'A part of the subject or of a name, or the beginning of the SHA-256',
      examples: ['example'],
    }),
  ),
  ...PageQuery,
  format: Type.Optional(
    Type.Enum(Object.keys(certificateFormats) as (keyof typeof certificateFormats)[], {
      description:
        'Overrides `Accept`. `json` returns pages; the others stream the whole listing. `ics` is a calendar of the ends (RFC 5545)',
      examples: ['json'],
    }),
  ),
  all: Type.Optional(
    Type.Boolean({
      description: 'With JSON: streams the whole listing as one document instead of a page',
      examples: [false],
    }),
  ),
})
