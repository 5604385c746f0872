import ICAL from 'ical.js'
import { describe, expect, test } from 'vitest'
import { renderCalendar } from '../../../src/report/listings/calendar.ts'

const now = new Date('2026-11-22T12:00:00Z')
const hostile = `a;b,c\\d "quoted" é漢字🙂\nBEGIN:VEVENT\r\nUID:forged\r\nEND:VEVENT \u0007 ${'long '.repeat(60)}`
const dayOf = (summary: string, description = 'd') => ({
  ...{ uid: '5f@portwarden', day: new Date('2027-01-31T23:30:00Z'), summary, description },
})
const read = (text: string) =>
  new ICAL.Component(ICAL.parse(text)).getAllSubcomponents('vevent').map((event) => new ICAL.Event(event))

describe('a calendar', () => {
  test('has an event of the whole day, as a parser of RFC 5545 reads it', () => {
    const [event, ...others] = read(renderCalendar('Ends', [dayOf('Certificate ends: CN=a')], now))
    expect(others).toEqual([])
    expect([event?.uid, event?.summary, event?.description]).toEqual(['5f@portwarden', 'Certificate ends: CN=a', 'd'])
    expect([event?.startDate.toString(), event?.endDate.toString(), event?.startDate.isDate]).toEqual([
      ...['2027-01-31', '2027-02-01', true],
    ])
    const alarm = event?.component.getFirstSubcomponent('valarm')
    expect(String(alarm?.getFirstPropertyValue('trigger'))).toBe('-P14D')
  })

  test('keeps hostile texts in their property: nothing is forged, and only control characters are lost', () => {
    const text = renderCalendar(hostile, [dayOf(hostile, hostile), dayOf('second')], now)
    const events = read(text)
    expect(events.map(({ uid }) => uid)).toEqual(['5f@portwarden', '5f@portwarden'])
    const kept = hostile.replace('\r\n', '\n').replace('\r\n', '\n').replace('\u0007', '')
    expect([events[0]?.summary, events[0]?.description]).toEqual([kept, kept])
  })

  test('has lines of at most 75 octets that end with CRLF, and cuts no character', () => {
    const text = renderCalendar('Ends', [dayOf('漢字🙂'.repeat(50))], now)
    const lines = text.split('\r\n')
    expect(lines.filter((line) => Buffer.byteLength(line) > 75 || /\r|\n|\uFFFD/.test(line))).toEqual([])
    expect(text.endsWith('END:VCALENDAR\r\n')).toBe(true)
    expect(read(text)[0]?.summary).toBe('漢字🙂'.repeat(50))
  })

  test('without events is a calendar all the same', () => {
    expect(read(renderCalendar('Ends', [], now))).toEqual([])
  })
})
