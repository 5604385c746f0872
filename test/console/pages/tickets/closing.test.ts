import { describe, expect, test } from 'vitest'
import {
  type Audit,
  closingOf,
  timeLineOf,
  type Waiver,
  type Window,
} from '../../../../src/console/pages/tickets/closing.ts'

const audit = (more: object = {}) =>
  ({
    id: 'a',
    status: 'completed',
    verdict: 'pass',
    counts: { fail: 0, waived: 0 },
    policy: { name: 'ports' },
    requestedBy: 'k',
    requestedByName: 'Ann',
    createdAt: '2026-11-22T02:00:00.000Z',
    finishedAt: '2026-11-22T02:00:07.000Z',
    ...more,
  }) as Audit
const window = (state: string, more: object = {}) =>
  ({
    id: 'w',
    rules: ['ssh'],
    state,
    approvedAt: null,
    rejectedAt: null,
    canceledAt: null,
    provenAt: null,
    ...more,
  }) as Window
const running = { finishedAt: null, status: 'running', verdict: null }
const failing = { verdict: 'fail', counts: { fail: 2, waived: 1 } }

describe('a ticket can be closed', () => {
  test.each<[string, Audit[], Window[], boolean | null]>([
    ['when the newest audit passes, though an earlier one failed', [audit(), audit(failing)], [], true],
    ['when the newest audit passes and its windows are over', [audit()], [window('closed'), window('canceled')], true],
    ['when an audit found its window closed', [], [window('closed')], true],
    ['not while something fails that no waiver accepts', [audit(failing), audit()], [], false],
    ['not while a window is open', [audit()], [window('open')], false],
    ['not while a window waits for approval', [audit()], [window('requested')], false],
    ['not while a window is not proven closed', [audit()], [window('ended')], false],
    ['not while a port is open after its window', [audit()], [window('still-open')], false],
    ['perhaps, while an audit runs', [audit(running), audit(failing)], [], null],
    ['perhaps, after an audit that is inconclusive', [audit({ verdict: 'inconclusive' })], [], null],
    ['perhaps, after an audit that was canceled', [audit({ status: 'canceled', verdict: 'inconclusive' })], [], null],
    ['perhaps, when nothing was audited', [], [window('canceled')], null],
    ['perhaps, when nothing has its number', [], [], null],
  ])('%s', (_name, audits, windows, mayClose) => {
    expect(closingOf(audits, windows)).toEqual({ mayClose, why: expect.stringMatching(/^[A-Z].*\.$/) })
  })
})

test('a ticket that can be closed says what was not checked', () => {
  const counts = { fail: 0, waived: 0, notchecked: 2 }
  expect(closingOf([audit({ counts })], []).why).toMatch(/complies; 2 checks were not made\.$/)
})

test('the time line of a ticket has audits, windows and waivers in the order of time, with those who acted', () => {
  const by = { requestedBy: 'k', requestedByName: 'Ann', approvedBy: 'b', approvedByName: null }
  const times = { createdAt: '2026-11-22T01:00:00.000Z', approvedAt: '2026-11-22T01:10:00.000Z' }
  const open = {
    from: '2026-11-22T01:30:00.000Z',
    to: '2026-11-22T01:50:00.000Z',
    provenAt: '2026-11-22T01:51:00.000Z',
  }
  const waiver = {
    id: 'x',
    rules: ['tls'],
    createdAt: '2026-11-22T03:00:00.000Z',
    approvedAt: null,
    rejectedAt: null,
    revokedAt: null,
    ...by,
  }
  const happenings = timeLineOf({
    audits: [audit()],
    windows: [window('closed', { ...by, ...times, ...open })],
    waivers: [waiver as Waiver],
  })
  expect(happenings.map(({ at, text }) => `${at.slice(11, 16)} ${text}`)).toEqual([
    '01:00 Window for ssh requested by Ann',
    '01:10 Window for ssh approved by b',
    '01:30 Window for ssh opened',
    '01:50 Window for ssh ended',
    '01:51 Window for ssh: an audit found it closed',
    '02:00 Audit of ports requested by Ann',
    '02:00 Audit ended: pass',
    '03:00 Waiver of tls requested by Ann',
  ])
})
