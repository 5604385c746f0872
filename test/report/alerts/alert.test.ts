import { describe, expect, test } from 'vitest'
import type { AnyEventType, EventPayload } from '../../../src/domain/webhooks/events.ts'
import { toAlert } from '../../../src/report/alerts/alert.ts'
import { toJiraAlert } from '../../../src/report/alerts/jira-ops.ts'
import { toServiceNowEvents } from '../../../src/report/alerts/service-now.ts'

const fingerprint = '0b7f3b0e-5a0c-4f4e-9a53-0d6f3d7d2a11'
const url = `https://audits.example/ui/findings/${fingerprint}`
const finding = {
  url,
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
/** An event with the data that alerts use. */
const event = (type: AnyEventType, data: object) =>
  ({ type, timestamp: '2026-11-23T01:02:03.456Z', data }) as EventPayload
const opened = event('finding.opened', { finding, audit: 'a1' })
const resolved = event('finding.resolved', { finding, audit: 'a2', resolution: 'pass' })

describe('an event of ServiceNow Event Management', () => {
  test('has node, resource and severity, with the rest as JSON', () => {
    const [record] = toServiceNowEvents(toAlert(opened)).records
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
      description: `epp-01 fails, seen from branch: SSH is not reachable from client networks: It is open.\n${url}`,
      time_of_event: '2026-11-23 01:02:03',
    })
    expect(JSON.parse(info ?? '')).toMatchObject({
      event: 'finding.opened',
      finding_policy: 'netwrix-endpoint-protector',
      finding_controls: '["NIST-800-53:AC-17"]',
      finding_reason_code: 'state-not-allowed',
    })
  })

  test('omits lists of objects', () => {
    const payload = event('drift.detected', {
      policy: 'p',
      audit: 'a',
      summary: { changed: 1 },
      items: [{ target: 't' }],
    })
    const [record] = toServiceNowEvents(toAlert(payload)).records
    expect(Object.keys(JSON.parse(record?.additional_info ?? ''))).toEqual([
      'event',
      'policy',
      'audit',
      'summary_changed',
    ])
  })

  test('is cleared with the key that opened it', () => {
    const [before] = toServiceNowEvents(toAlert(opened)).records
    const [after] = toServiceNowEvents(toAlert(resolved)).records
    expect(after).toMatchObject({ severity: '0', resolution_state: 'Closing', message_key: before?.message_key })
  })
})

test('a digest opens no alert, and says all of it with its page', () => {
  const page = 'https://audits.example/ui/reports/digest'
  const digest = event('digest.daily', { to: '2026-11-23T06:00:00.000Z', summary: 'Nothing changed.', url: page })
  expect(toServiceNowEvents(toAlert(digest)).records[0]).toMatchObject({
    severity: '0',
    type: 'digest',
    message_key: 'portwarden:digest:2026-11-23T06:00:00.000Z',
    description: `Nothing changed.\n${page}`,
  })
  expect(toJiraAlert(toAlert(digest)).path).toContain('/close')
})

describe('an alert of Jira Service Management', () => {
  test('is opened with its alias, priority and details', () => {
    const { path, body } = toJiraAlert(toAlert(opened))
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

  test('names its target even with a truncated title', () => {
    const { body } = toJiraAlert(
      toAlert(event('finding.opened', { finding: { ...finding, title: 'long '.repeat(40) } })),
    )
    expect(body.message).toMatch(/^epp-01 fails, seen from branch: long /)
  })

  test('respects the detail limit of Jira', () => {
    const labels = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`label-${i}`, 'x'.repeat(200)]))
    const { body } = toJiraAlert(toAlert(event('finding.opened', { finding: { labels, ...finding } })))
    expect(
      Object.entries(body.details as object)
        .flat()
        .join('').length,
    ).toBeLessThanOrEqual(8_000)
    expect(body.details).toMatchObject({ finding_fingerprint: fingerprint })
  })

  test('is closed with the alias that opened it', () => {
    const { path, body } = toJiraAlert(toAlert(resolved))
    expect(path).toBe(`/portwarden%3A${fingerprint}/close?identifierType=alias`)
    expect(body).toMatchObject({ source: 'Portwarden' })
  })
})

describe('the page of an alert', () => {
  const auditUrl = 'https://audits.example/ui/audits/a1'
  const long = 'x'.repeat(30_000)

  test.each([
    [event('finding.opened', { finding: { ...finding, title: long }, auditUrl }), url],
    [event('window.still-open', { window: { id: 'w', ticket: long, rules: ['r'] }, auditUrl }), auditUrl],
    [event('audit.completed', { audit: { id: 'a1', policy: { name: long } }, auditUrl }), auditUrl],
  ])('ends the description, also of a text that is cut, in ServiceNow and Jira: $type', (payload, page) => {
    const alert = toAlert(payload)
    const [record] = toServiceNowEvents(alert).records
    const { body } = toJiraAlert(alert)
    const text = String(body.description ?? body.note)
    for (const shown of [record?.description ?? '', text]) expect(shown.endsWith(`\n${page}`)).toBe(true)
    expect([record?.description?.length, text.length <= 25_000]).toEqual([4_000, true])
  })

  test('is not in the text of an event without one', () => {
    const [record] = toServiceNowEvents(toAlert(event('vantage.absent', { vantage: { name: 'v' } }))).records
    expect(record?.description).toBe('vantage v is absent')
  })
})

describe('other events', () => {
  test.each([
    [event('drift.detected', { policy: 'p', audit: 'a', summary: { regressed: 1 }, items: [{ target: 't' }] })],
    [event('audit.completed', { audit: { id: 'a', status: 'completed', verdict: 'fail', policy: { name: 'p' } } })],
    [event('ping', { webhook: 'w' })],
  ])('that only inform open no alert: $type', (payload) => {
    const alert = toAlert(payload)
    expect(toServiceNowEvents(alert).records).toMatchObject([{ severity: '0', resolution_state: 'Closing' }])
    expect(toJiraAlert(alert).path).toMatch(/\/close\?identifierType=alias$/)
  })

  test.each([
    [event('window.still-open', { window: { id: 'w', ticket: 'CHG1', rules: ['r'] } }), 'portwarden:window:w', 'high'],
    [
      event('window.closed', { window: { id: 'w', ticket: 'CHG1', rules: ['r'] }, resolution: 'closed' }),
      'portwarden:window:w',
      'clear',
    ],
    [event('vantage.absent', { vantage: { name: 'v' } }), 'portwarden:vantage:v', 'medium'],
    [event('vantage.returned', { vantage: { name: 'v' } }), 'portwarden:vantage:v', 'clear'],
    [event('schedule.missed', { schedule: 's', count: 2 }), 'portwarden:schedule:s', 'low'],
    [event('schedule.resumed', { schedule: 's' }), 'portwarden:schedule:s', 'clear'],
  ] as const)('have a key and a level: $type', (payload, key, level) => {
    expect(toAlert(payload)).toMatchObject({ key, level, type: payload.type })
  })
})

describe('texts of any length and script', () => {
  const long = (start: string) => `${start}${'👩‍👩‍👧‍👦'.repeat(60)}`
  const stringsOf = (value: unknown): string[] =>
    typeof value === 'string' ? [value] : Object.values(value as object).flatMap(stringsOf)

  test('arrive within the limits of the receiver, cut between two characters', () => {
    for (let offset = 0; offset < 12; offset++) {
      const start = 'x'.repeat(offset)
      const named = { target: long(start), rule: long(start), vantage: long(start), title: long(start) }
      const alert = toAlert(event('finding.opened', { finding: { ...finding, ...named }, audit: 'a1' }))
      const record = toServiceNowEvents(alert).records[0] as Record<string, string>
      const { body } = toJiraAlert(alert)
      for (const text of [...stringsOf(record), ...stringsOf(body)]) expect(text.isWellFormed()).toBe(true)
      for (const name of ['node', 'type', 'resource', 'metric_name'])
        expect((record[name] as string).length).toBeLessThanOrEqual(100)
      for (const text of [record.node, record.resource, body.message as string])
        expect([...new Intl.Segmenter('en').segment(text as string)].at(-1)?.segment).toBe('👩‍👩‍👧‍👦')
      expect((body.message as string).length).toBeLessThanOrEqual(130)
    }
  })

  test('fill additional_info and details up to their limits, with whole characters, items and fields', () => {
    const labels = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`label${i}`, long('"\\\n')]))
    const controls = Array.from({ length: 400 }, (_, i) => `ACME:"${i}"`)
    for (const more of [{}, { controls }, { labels }, { controls, labels }, { title: long('x'.repeat(7)) }]) {
      const alert = toAlert(event('finding.opened', { finding: { ...finding, ...more }, audit: 'a1' }))
      const text = toServiceNowEvents(alert).records[0]?.additional_info ?? ''
      const details = toJiraAlert(alert).body.details as Record<string, string>
      expect(text.length).toBeLessThanOrEqual(4_000)
      if ('labels' in more) expect(text.length).toBeGreaterThan(2_500)
      expect(Object.entries(details).flat().join('').length).toBeLessThanOrEqual(8_000)
      for (const fields of [JSON.parse(text) as Record<string, string>, details]) {
        expect(fields).toMatchObject({ event: 'finding.opened', finding_rule: finding.rule })
        expect(JSON.parse(fields.finding_controls ?? '')[0]).toBe(
          'controls' in more ? controls[0] : finding.controls[0],
        )
        for (const value of Object.values(fields)) expect(value.isWellFormed() && value.length <= 1_000).toBe(true)
      }
    }
  })
})
