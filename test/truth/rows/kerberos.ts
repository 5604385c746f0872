import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { kinitResponds, kinitServes } from '../oracles/kerberos.ts'
import type { PeerName } from '../peers/index.ts'
import type { Oracle, Row } from '../row.ts'

const row = (
  text: string,
  [peer, site]: readonly [PeerName, string],
  kerberos: Record<string, unknown>,
  oracle: Oracle,
  reason?: ReasonCode,
): Row => ({
  case: `Kerberos: ${text}`,
  peer,
  site,
  claim: { probe: 'kerberos', expect: { kerberos } },
  oracle,
  verdict: reason ? 'fail' : 'pass',
  reason,
})

const kdc = ['MIT Kerberos', 'default'] as const
const [realm, other] = ['LAB.TEST', 'OTHER.TEST']

export const kerberosRows: readonly Row[] = [
  row('a KDC responds', kdc, { answers: true }, kinitResponds),
  row('a web server is no KDC', ['nginx', 'clear-200'], { answers: true }, kinitResponds, 'protocol-mismatch'),
  row('the realm is served', kdc, { realm, askKrbtgt: true }, kinitServes(realm)),
  row(
    'another realm is not served',
    kdc,
    { realm: other, askKrbtgt: true },
    kinitServes(other),
    'kerberos-realm-not-served',
  ),
]
