import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { nmapSecurity } from '../oracles/rdp.ts'
import type { Oracle, Row } from '../row.ts'

const row = (text: string, site: string, expect: object, oracle: Oracle, reason?: ReasonCode): Row => ({
  case: `RDP: ${text}`,
  peer: 'FreeRDP',
  site,
  claim: { probe: 'rdp', expect: { ...expect } },
  oracle,
  verdict: reason ? 'fail' : 'pass',
  reason,
})

const nla = { rdp: { nla: 'required' } }
const onlyNla = nmapSecurity(['CredSSP (NLA)'], ['SSL', 'Native RDP'])
const missing: ReasonCode = 'rdp-nla-not-required'
const noStandard = { rdp: { refuses: ['standard'] } }
const refusesNative = nmapSecurity([], ['Native RDP'])
const tls = { tls: { minVersion: 'TLSv1.2' } }
const hasTls = nmapSecurity(['SSL'], [])

export const rdpRows: readonly Row[] = [
  row('NLA is required', 'nla', nla, onlyNla),
  row('TLS without NLA is accepted', 'tls', nla, onlyNla, missing),
  row('standard security is accepted', 'rdp', nla, onlyNla, missing),
  row('standard security is refused where NLA is required', 'nla', noStandard, refusesNative),
  row('standard security is refused where TLS is required', 'tls', noStandard, refusesNative),
  row('standard security is not refused', 'rdp', noStandard, refusesNative, 'rdp-security-accepted'),
  row('TLS is spoken', 'tls', tls, hasTls),
  row('TLS is not spoken', 'rdp', tls, hasTls, 'rdp-without-tls'),
]
