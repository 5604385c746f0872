import { elements, first, nothing } from './der.ts'

/** The constraints of a CA certificate that Node does not expose. */
interface Constraints {
  /** Maximum CAs below this one, RFC 5280 section 4.2.1.9; undefined for no limit. */
  pathLength?: number
  /** Has constraints that we do not check: on names, policies, or critical and unknown. */
  more: boolean
}

interface Extension {
  oid: string
  critical: boolean
  value: Buffer
}

const [boolean, integer, octetString, explicitVersion, versionThreeExtensions] = [0x01, 0x02, 0x04, 0xa0, 0xa3]
const [tlsFeature, statusRequest] = ['2b06010505070118', '05']
/** Object identifiers in DER: 2.5.29.19, .30, and in the set .15, .17, .37. */
const [basicConstraints, nameConstraints] = ['551d13', '551d1e']
const checked = new Set([basicConstraints, '551d0f', '551d11', '551d25'])

/** Parses a DER certificate; undefined if malformed. */
export function constraintsOf(certificate: Uint8Array): Constraints | undefined {
  try {
    const extensions = extensionsOf(Buffer.from(certificate))
    const basic = extensions.find(({ oid }) => oid === basicConstraints)
    const limit = basic && elements(first(basic.value)).find(({ tag }) => tag === integer)
    return {
      pathLength: limit?.content.readUIntBE(0, limit.content.length),
      more: extensions.some(({ oid, critical }) => oid === nameConstraints || (critical && !checked.has(oid))),
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Whether an X.509 certificate is of version 1, which has no extensions. */
export const isVersionOne = (certificate: Buffer): boolean =>
  elements(first(first(certificate)))[0]?.tag !== explicitVersion

/** Whether the certificate obliges its server to staple an OCSP response (RFC 7633, "must-staple"). */
export function demandsStaple(certificate: Buffer): boolean {
  const feature = extensionsOf(certificate).find(({ oid }) => oid === tlsFeature)
  return (
    feature !== undefined &&
    elements(first(feature.value)).some(({ content }) => content.toString('hex') === statusRequest)
  )
}

/** Parses the extensions of a certificate, RFC 5280 section 4.1; throws a RangeError if malformed. */
function extensionsOf(certificate: Buffer): Extension[] {
  const wrapper = elements(first(first(certificate))).find(({ tag }) => tag === versionThreeExtensions)
  if (!wrapper) return []
  return elements(first(wrapper.content)).map(({ content }) => {
    const [oid, ...rest] = elements(content)
    return {
      oid: oid?.content.toString('hex') ?? '',
      critical: rest.some((part) => part.tag === boolean && part.content[0] !== 0),
      value: rest.find((part) => part.tag === octetString)?.content ?? nothing,
    }
  })
}
