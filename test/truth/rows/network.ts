import type { Result } from '../../../src/domain/findings/judge.ts'
import type { ReasonCode } from '../../../src/domain/findings/reasons.ts'
import { nmapHostDown, nmapState } from '../oracles/network.ts'
import type { Oracle, Row } from '../row.ts'

const restricted = nmapState('closed', 'filtered')
const open = nmapState('open')

const row = (
  text: string,
  site: string,
  expect: Record<string, unknown>,
  oracle: Oracle,
  verdict: Result,
  reason?: ReasonCode,
): Row => ({
  case: `port: ${text}`,
  peer: 'firewall',
  site,
  claim: { probe: 'tcp', expect },
  oracle,
  verdict,
  reason,
})

const mustBeClosed = { state: ['closed', 'filtered'] }
const treatments = [
  'drop',
  'reject with tcp reset',
  'reject with icmp type port-unreachable',
  'reject with icmp type admin-prohibited',
  'reject with icmp type host-prohibited',
  'reject with icmp type net-unreachable',
  'reject with icmp type host-unreachable',
  'reject with icmp type prot-unreachable',
  'reject with icmp type net-prohibited',
]

export const networkRows: readonly Row[] = [
  row('open to clients', 'open', { state: ['open'] }, open, 'pass'),
  row('must be closed, and is open', 'open', mustBeClosed, restricted, 'fail', 'unexpected-state'),
  row('must be closed, and has no listener', 'closed', mustBeClosed, restricted, 'pass'),
  row('must be open, and has no listener', 'closed', { state: ['open'] }, open, 'fail', 'connection-refused'),
  ...treatments.map((site) => row(`must be closed, firewall: ${site}`, site, mustBeClosed, restricted, 'pass')),
  row('must be open, and the firewall drops', 'drop', { state: ['open'] }, open, 'fail', 'no-response'),
  row(
    'must be filtered, and is reset',
    'reject with tcp reset',
    { state: ['filtered'] },
    nmapState('filtered'),
    'fail',
    'connection-refused',
  ),
  row('must be closed, on an absent host', 'absent', mustBeClosed, nmapHostDown, 'unknown', 'host-unreachable'),
  row(
    'must be closed, behind a router that finds no host',
    'unreachable',
    mustBeClosed,
    nmapHostDown,
    'unknown',
    'host-unreachable',
  ),
  row('must be closed, behind a router that prohibits', 'prohibit', mustBeClosed, restricted, 'pass'),
  row('must be open, on an absent host', 'absent', { state: ['open'] }, open, 'fail', 'host-unreachable'),
  {
    case: 'port: SSH is closed to clients, no listener',
    peer: 'no listener',
    site: 'ssh',
    claim: { builtIn: 'ssh-restricted' },
    oracle: restricted,
    verdict: 'pass',
  },
]
