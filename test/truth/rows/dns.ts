import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { digAuthority, digNoTransfer, digServices, nmapNoRecursion } from '../oracles/dns.ts'
import type { PeerName } from '../peers/index.ts'
import type { Oracle, Row } from '../row.ts'

const row = (
  text: string,
  [peer, site]: readonly [PeerName, string],
  dns: Record<string, unknown>,
  oracle: Oracle,
  reason?: ReasonCode,
): Row => ({
  case: `DNS: ${text}`,
  peer,
  site,
  claim: { probe: 'dns', expect: { dns } },
  oracle,
  verdict: reason ? 'fail' : 'pass',
  reason,
})

const [closed, open] = [['BIND', 'closed'] as const, ['BIND', 'open'] as const]
const [alone, forwarding] = [['dnsmasq', 'alone'] as const, ['dnsmasq', 'forwarding'] as const]
const zone = 'lab.test'
const services = [`_ldap._tcp.dc._msdcs.${zone}`, `_kerberos._tcp.${zone}`]
const missing = [`_gc._tcp.${zone}`]
const refused = { recursion: 'refused' }
const offered: ReasonCode = 'dns-recursion-offered'
const noTransfer = { zone, zoneTransfer: 'refused' }

export const dnsRows: readonly Row[] = [
  row('the zone is served', closed, { zone }, digAuthority(zone)),
  row('another zone is not served', closed, { zone: 'other.test' }, digAuthority('other.test'), 'dns-zone-not-served'),
  row('a resolver does not serve it', open, { zone: 'other.test' }, digAuthority('other.test'), 'dns-zone-not-served'),
  row('domain controllers are found', closed, { services }, digServices(...services)),
  row('a service is missing', closed, { services: missing }, digServices(...missing), 'dns-record-missing'),
  row('recursion is refused', closed, refused, nmapNoRecursion),
  row('recursion is offered', open, refused, nmapNoRecursion, offered),
  row('recursion is refused by a forwarder without servers', alone, refused, nmapNoRecursion),
  row('recursion is offered by a forwarder', forwarding, refused, nmapNoRecursion, offered),
  row('a transfer is refused', closed, noTransfer, digNoTransfer(zone)),
  row('a transfer is made', open, noTransfer, digNoTransfer(zone), 'dns-zone-transfer-allowed'),
]
