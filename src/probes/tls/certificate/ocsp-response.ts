import { type Element, elements, first, nothing } from './der.ts'

/** What a responder says of one certificate, RFC 6960 section 4.2.1. */
export interface SingleResponse {
  /** Object identifier in DER. */
  hashAlgorithm: string
  issuerNameHash: Buffer
  issuerKeyHash: Buffer
  serialNumber: Buffer
  status: 'good' | 'revoked' | 'unknown'
  /** Milliseconds since the epoch. */
  revokedAt?: number
  /** CRLReason, RFC 5280 section 5.3.1. */
  revocationReason?: number
  thisUpdate: number
  nextUpdate?: number
}

/** A basic OCSP response. */
export interface OcspResponse {
  /** With algorithm and signature, in DER. */
  whole: Buffer
  responses: SingleResponse[]
  /** What the responder signed. */
  signed: Buffer
  signature: Buffer
  /** In DER. */
  certificates: Buffer[]
}

const [successful, idPkixOcspBasic] = ['00', '2b0601050507300101']
/** Explicit tags of the optional elements. */
const [bytesTag, certificatesTag, versionTag, nextUpdateTag, reasonTag] = [0xa0, 0xa0, 0xa0, 0xa0, 0xa0]
const statuses: Record<number, SingleResponse['status']> = { 128: 'good', 161: 'revoked', 130: 'unknown' }

/** Parses an OCSPResponse; undefined if the responder reports an error instead. Throws a RangeError if it is malformed. */
export function parseOcspResponse(der: Buffer): OcspResponse | undefined {
  const [responseStatus, responseBytes] = elements(first(der))
  if (!responseStatus) throw new RangeError('the response is empty')
  if (contentOf(responseStatus).toString('hex') !== successful) return undefined
  if (responseBytes?.tag !== bytesTag) throw new RangeError('the response has no content')
  const [type, response] = elements(first(responseBytes.content))
  if (contentOf(type).toString('hex') !== idPkixOcspBasic) throw new RangeError('the response is not a basic one')
  const whole = contentOf(response)
  const [signed, , signature, certificates] = elements(first(whole))
  if (certificates && certificates.tag !== certificatesTag) throw new RangeError('an element is out of order')
  const [, , responses] = elements(contentOf(signed)).filter(({ tag }) => tag !== versionTag)
  return {
    whole,
    responses: elements(contentOf(responses)).map(singleResponse),
    signed: signed?.whole ?? nothing,
    signature: bits(signature),
    certificates: certificates ? elements(first(certificates.content)).map((certificate) => certificate.whole) : [],
  }
}

function singleResponse({ content }: Element): SingleResponse {
  const [certId, certStatus, thisUpdate, ...rest] = elements(content)
  const [algorithm, issuerNameHash, issuerKeyHash, serialNumber] = elements(contentOf(certId))
  const status = statuses[certStatus?.tag ?? 0]
  if (!status) throw new RangeError('an unknown status')
  const nextUpdate = rest.find(({ tag }) => tag === nextUpdateTag)
  return {
    hashAlgorithm: first(contentOf(algorithm)).toString('hex'),
    issuerNameHash: contentOf(issuerNameHash),
    issuerKeyHash: contentOf(issuerKeyHash),
    serialNumber: contentOf(serialNumber),
    status,
    ...(status === 'revoked' && revocation(contentOf(certStatus))),
    thisUpdate: time(contentOf(thisUpdate)),
    ...(nextUpdate && { nextUpdate: time(first(nextUpdate.content)) }),
  }
}

function revocation(der: Buffer): Pick<SingleResponse, 'revokedAt' | 'revocationReason'> {
  const [at, reason] = elements(der)
  const code = reason?.tag === reasonTag ? first(reason.content)[0] : undefined
  return { revokedAt: time(contentOf(at)), ...(code !== undefined && { revocationReason: code }) }
}

const contentOf = (element: Element | undefined): Buffer => element?.content ?? nothing

/** The content of a BIT STRING without unused bits. */
export const bits = (element: Element | undefined): Buffer => contentOf(element).subarray(1)

// RFC 5280 section 4.1.2.5.2: GeneralizedTime has seconds, no fraction, and ends in Z.
function time(value: Buffer): number {
  const text = value.toString('latin1')
  if (!/^\d{14}Z$/.test(text)) throw new RangeError('an invalid time')
  const at = Date.parse(text.replace(/^(....)(..)(..)(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (Number.isNaN(at)) throw new RangeError('an invalid time')
  return at
}
