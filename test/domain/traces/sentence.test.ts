import { expect, test } from 'vitest'
import { describeIcmp } from '../../../src/domain/traces/icmp.ts'
import { summarizePath } from '../../../src/domain/traces/path.ts'
import { describeTrace } from '../../../src/domain/traces/sentence.ts'
import { describeFailure, type MeasuredPath, traceFailures, traceStatus } from '../../../src/domain/traces/trace.ts'

const host = '10.66.3.2'
const hops = (...addresses: (string | null)[]): MeasuredPath['hops'] =>
  addresses.map((address, i) => ({ hop: i + 1, address, ms: address === null ? null : 0.5, others: [] }))
const path = (more: Partial<MeasuredPath>): MeasuredPath => ({
  port: 22,
  outcome: 'silence',
  endHop: null,
  rejectedBy: null,
  hops: hops('10.66.1.1', '10.66.2.2'),
  loops: false,
  ...more,
})
const rejected = (more: Partial<MeasuredPath> = {}) =>
  path({ outcome: 'rejected', endHop: 3, rejectedBy: { address: '10.66.2.2', type: 3, code: 13 }, ...more })
const open = path({ port: 443, outcome: 'connected', endHop: 3 })

test.each<[string, MeasuredPath, MeasuredPath | null, string]>([
  [
    'a reject at a router',
    rejected(),
    null,
    'Rejected by 10.66.2.2 (ICMP administratively prohibited); SYNs reach 10.66.2.2, hop 2 of at least 3.',
  ],
  [
    'a reject at a router, beside an open port',
    rejected(),
    open,
    'Rejected by 10.66.2.2 (ICMP administratively prohibited); SYNs reach 10.66.2.2, hop 2 of 3. Port 443 is open at hop 3.',
  ],
  [
    'a reject of a device that responds to nothing else',
    rejected({ hops: hops('10.66.1.1'), endHop: 2, rejectedBy: { address: '10.66.9.9', type: 3, code: 10 } }),
    null,
    'Rejected by 10.66.9.9 (ICMP host administratively prohibited); SYNs reach 10.66.1.1, hop 1 of at least 2.',
  ],
  [
    'a reject without any hop',
    rejected({ hops: [], endHop: 1 }),
    null,
    'Rejected by 10.66.2.2 (ICMP administratively prohibited); no hop before it responds.',
  ],
  [
    'a reject that came seconds after the SYN, when smaller hop limits had been given up',
    rejected({ endHop: 5, rejectedBy: { address: '10.66.2.2', type: 3, code: 1 } }),
    null,
    'Rejected by 10.66.2.2 (ICMP host unreachable); SYNs reach 10.66.2.2, hop 2 of at least 3.',
  ],
  [
    'a reject of the host',
    rejected({ rejectedBy: { address: host, type: 3, code: 3 } }),
    null,
    'Rejected by the host itself at hop 3 (ICMP port unreachable).',
  ],
  [
    'a reject beside a port that no longer responds',
    rejected(),
    path({ port: 443 }),
    'Rejected by 10.66.2.2 (ICMP administratively prohibited); SYNs reach 10.66.2.2, hop 2 of at least 3.',
  ],
  ['silence', path({}), null, 'No response; SYNs reach 10.66.2.2, hop 2 of at least 3.'],
  [
    'silence beside an open port',
    path({}),
    open,
    'No response; SYNs reach 10.66.2.2, hop 2 of 3. Port 443 is open at hop 3.',
  ],
  ['silence from the start', path({ hops: [] }), null, 'No response, and no hop on the way responds.'],
  [
    'a loop',
    path({ loops: true }),
    null,
    'No response; SYNs reach 10.66.2.2, hop 2 of at least 3. The path loops at 10.66.2.2.',
  ],
  ['an open port', open, null, 'Open at hop 3.'],
  ['a reset', path({ outcome: 'reset', endHop: 3 }), null, 'Refused with a reset at hop 3.'],
  [
    'a reset before the host',
    path({ outcome: 'reset', endHop: 2, hops: hops('10.66.1.1') }),
    open,
    'Refused with a reset at hop 2. Port 443 is open at hop 3, so a device before the host may reset in its name.',
  ],
  [
    'a reject with the address of the host, nearer than an open port',
    rejected({ hops: hops('10.66.1.1'), endHop: 2, rejectedBy: { address: host, type: 3, code: 13 } }),
    open,
    'Rejected in the name of the host at hop 2 (ICMP administratively prohibited). Port 443 is open at hop 3, so a device before the host may reject in its name.',
  ],
  [
    'a reject by the host as far away as an open port',
    rejected({ rejectedBy: { address: host, type: 3, code: 13 } }),
    open,
    'Rejected by the host itself at hop 3 (ICMP administratively prohibited). Port 443 is open at hop 3.',
  ],
  [
    'an absent neighbour',
    path({ outcome: 'unreachable', hops: [] }),
    null,
    'The vantage found no neighbour for this address: its address resolution failed.',
  ],
])('the sentence of %s', (_, measured, comparison, sentence) => {
  expect(describeTrace({ address: host, path: measured, comparison })).toBe(sentence)
})

test.each<[string, MeasuredPath, object]>([
  ['a reject', rejected(), { reached: { hop: 2 }, lastForwarding: { hop: 1, address: '10.66.1.1' }, distance: null }],
  ['a drop', path({}), { reached: { hop: 2 }, lastForwarding: { hop: 1 }, leastDistance: 3 }],
  ['an open port', open, { lastForwarding: { hop: 2, address: '10.66.2.2' }, distance: 3, leastDistance: 3 }],
  [
    'a reject of an unknown device behind a silent hop',
    rejected({
      hops: hops('10.66.1.1', null, '10.66.3.1'),
      endHop: 4,
      rejectedBy: { address: '10.9.9.9', type: 3, code: 1 },
    }),
    { reached: { hop: 3 }, lastForwarding: { hop: 3 }, leastDistance: 4 },
  ],
  ['nothing', path({ hops: [] }), { reached: null, lastForwarding: null, distance: null, leastDistance: 1 }],
])('the summary of %s', (_, measured, summary) => {
  expect(summarizePath(measured, host)).toMatchObject(summary)
})

test.each([
  ['10.0.0.1', 3, 13, 'ICMP administratively prohibited'],
  ['10.0.0.1', 3, 200, 'ICMP type 3 code 200'],
  ['10.0.0.1', 12, 0, 'ICMP type 12 code 0'],
  ['fd00::1', 1, 1, 'ICMPv6 administratively prohibited'],
  ['fd00::1', 1, 4, 'ICMPv6 port unreachable'],
  ['fd00::1', 3, 13, 'ICMPv6 type 3 code 13'],
])('%s with type %i and code %i is "%s"', (address, type, code, words) => {
  expect(describeIcmp({ address, type, code })).toBe(words)
})

test('a trace that was not made by its deadline has failed, and one that was made stays as it is', () => {
  const times = { startedAt: null, finishedAt: null, deadlineAt: new Date(1_000), failure: null }
  expect(traceStatus(times, new Date(999))).toBe('queued')
  expect(traceStatus({ ...times, startedAt: new Date(1) }, new Date(999))).toBe('running')
  expect(traceStatus({ ...times, startedAt: new Date(1) }, new Date(1_000))).toBe('failed')
  expect(traceStatus({ ...times, finishedAt: new Date(2) }, new Date(1_000))).toBe('completed')
  expect(traceStatus({ ...times, finishedAt: new Date(2), failure: 'egress-denied' }, new Date(3))).toBe('failed')
})

test('each failure has a sentence', () => {
  for (const code of traceFailures) expect(describeFailure(code).message).toMatch(/^[A-Z].*\.$/)
})
