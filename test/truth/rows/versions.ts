import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { nmapRefuses, opensslAgrees, sslscanRefuses } from '../oracles/tls.ts'
import type { PeerName } from '../peers/index.ts'
import type { Row } from '../row.ts'

const servers: readonly PeerName[] = ['nginx', 'Apache', 'haproxy', 'stunnel', 'OpenSSL', 'GnuTLS']

const refusals: [site: string, reason?: ReasonCode][] = [
  ['good'],
  ['tls1.0', 'tls-old-version-accepted'],
  ['tls1.1', 'tls-old-version-accepted'],
  ['tls1.2'],
  ['tls1.3'],
  ['tls1.0-to-1.3', 'tls-old-version-accepted'],
]

const agreements: [site: string, reason?: ReasonCode][] = [
  ['tls1.0', 'tls-version-too-old'],
  ['tls1.1', 'tls-version-too-old'],
  ['tls1.2'],
  ['tls1.3'],
  ['tls1.0-to-1.3'],
]

export const versionRows: readonly Row[] = [
  ...servers.flatMap((peer) =>
    refusals.map(
      ([site, reason]): Row => ({
        case: `versions, ${site}: TLS 1.0 and 1.1 are refused`,
        peer,
        site,
        claim: { probe: 'tls', expect: { tls: { refuses: ['TLSv1', 'TLSv1.1'] } } },
        oracle: sslscanRefuses('TLSv1', 'TLSv1.1'),
        verdict: reason ? 'fail' : 'pass',
        reason,
      }),
    ),
  ),
  ...servers.flatMap((peer) =>
    agreements.map(
      ([site, reason]): Row => ({
        case: `versions, ${site}: TLS 1.2 or newer is agreed`,
        peer,
        site,
        claim: { probe: 'tls', expect: { tls: { minVersion: 'TLSv1.2' } } },
        oracle: opensslAgrees,
        verdict: reason ? 'fail' : 'pass',
        reason,
      }),
    ),
  ),
  ...(['nginx', 'haproxy', 'GnuTLS'] as const).map(
    (peer): Row => ({
      case: 'versions, tls1.2: TLS 1.3 is refused',
      peer,
      site: 'tls1.2',
      claim: { probe: 'tls', expect: { tls: { refuses: ['TLSv1.3'] } } },
      oracle: nmapRefuses('TLSv1.3'),
      verdict: 'pass',
    }),
  ),
]
