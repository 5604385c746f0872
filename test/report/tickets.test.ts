import { describe, expect, test } from 'vitest'
import { toJiraAlert } from '../../src/report/jira-ops.ts'
import { noticeOf } from '../../src/report/notice.ts'
import { toServiceNowEvents } from '../../src/report/service-now.ts'

const fingerprint = '0b7f3b0e-5a0c-4f4e-9a53-0d6f3d7d2a11'
const finding = {
  fingerprint,
  target: 'epp-01',
  rule: 'ssh-restricted',
  vantage: 'branch',
  policy: 'netwrix-endpoint-protector',
  title: 'SSH is not reachable from client networks',
  severity: 'high',
  reason: { code: 'state-not-allowed', message: 'It is open.' },
  controls: ['NIST-800-53:AC-17'],
  externalId: null,
}
const event = (type: string, data: Record<string, unknown>) => ({ type, timestamp: '2026-11-23T01:02:03.456Z', data })
const opened = event('finding.opened', { finding, audit: 'a1' })
const resolved = event('finding.resolved', { finding, audit: 'a2', resolution: 'pass' })

describe('an event of ServiceNow Event Management', () => {
  test('says where, what and how badly, with the rest as one JSON text', () => {
    const [record] = toServiceNowEvents(noticeOf(opened)).records
    const { additional_info: info, ...rest } = record ?? {}
    expect(rest).toEqual({
      source: 'Portwarden',
      event_class: 'Portwarden',
      node: 'epp-01',
      type: 'finding',
      resource: 'ssh-restricted',
      metric_name: 'branch',
      message_key: `portwarden:${fingerprint}`,
      severity: '1',
      resolution_state: 'New',
      description: 'SSH is not reachable from client networks: epp-01 seen from branch: It is open.',
      time_of_event: '2026-11-23 01:02:03',
    })
    expect(JSON.parse(info ?? '')).toMatchObject({
      event: 'finding.opened',
      finding_policy: 'netwrix-endpoint-protector',
      finding_controls: '["NIST-800-53:AC-17"]',
      finding_reason_code: 'state-not-allowed',
    })
  })

  test('is cleared under the key under which it was opened', () => {
    const [before] = toServiceNowEvents(noticeOf(opened)).records
    const [after] = toServiceNowEvents(noticeOf(resolved)).records
    expect(after).toMatchObject({ severity: '0', resolution_state: 'Closing', message_key: before?.message_key })
  })
})

describe('an alert of Jira Service Management', () => {
  test('is opened with its alias, priority and details', () => {
    const { path, body } = toJiraAlert(noticeOf(opened))
    expect(path).toBe('')
    expect(body).toMatchObject({
      alias: `portwarden:${fingerprint}`,
      priority: 'P1',
      entity: 'epp-01',
      source: 'Portwarden',
    })
    expect(String(body.message).length).toBeLessThanOrEqual(130)
    expect(body.details).toMatchObject({ finding_rule: 'ssh-restricted' })
  })

  test('is closed by the alias with which it was opened', () => {
    const { path, body } = toJiraAlert(noticeOf(resolved))
    expect(path).toBe(`/portwarden%3A${fingerprint}/close?identifierType=alias`)
    expect(body).toMatchObject({ source: 'Portwarden' })
  })
})

describe('other events', () => {
  test.each([
    [event('window.still-open', { window: { id: 'w', ticket: 'CHG1', rules: ['r'] } }), 'portwarden:window:w', 'high'],
    [event('window.closed', { window: { id: 'w', ticket: 'CHG1', rules: ['r'] } }), 'portwarden:window:w', 'clear'],
    [event('vantage.absent', { vantage: { name: 'v' } }), 'portwarden:vantage:v', 'medium'],
    [event('vantage.returned', { vantage: { name: 'v' } }), 'portwarden:vantage:v', 'clear'],
    [event('schedule.missed', { schedule: 's', count: 2 }), 'portwarden:schedule:s', 'low'],
    [event('drift.detected', { policy: 'p', audit: 'a', summary: { regressed: 1 } }), 'portwarden:drift:a', 'low'],
    [
      event('audit.completed', { audit: { id: 'a', status: 'completed', verdict: 'fail', policy: { name: 'p' } } }),
      'portwarden:audit:a',
      'medium',
    ],
    [event('ping', { webhook: 'w' }), 'portwarden:ping', 'info'],
  ] as const)('have a key and a level: $type', (payload, key, level) => {
    expect(noticeOf(payload)).toMatchObject({ key, level, type: payload.type })
  })
})
