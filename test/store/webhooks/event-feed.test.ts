import { describe, expect, test } from 'vitest'
import type { OutboxEvent } from '../../../src/domain/webhooks/events.ts'
import { createEventFeed, type FeedEvent, notificationOf } from '../../../src/store/webhooks/event-feed.ts'

const event = (id: string): FeedEvent => ({ id, type: 'audit.completed', subject: id, at: '', data: null })
const never = new AbortController().signal

describe('the feed of events', () => {
  test('keeps the newest ones, each once, and says where a reader has missed some', () => {
    const feed = createEventFeed(2)
    for (const id of ['a', 'a', 'b', 'c']) feed.add(event(id))
    const [first, second] = [feed.after('a'), feed.after('b') ?? -1]
    expect([first, feed.at(0), feed.at(second), feed.at(feed.end())]).toEqual([
      undefined,
      'missed',
      event('c'),
      undefined,
    ])
  })

  test('continues no position over an interruption', () => {
    const feed = createEventFeed()
    feed.add(event('a'))
    const position = feed.end()
    feed.interrupt()
    expect([feed.at(position), feed.after('a'), feed.at(feed.end())]).toEqual(['missed', undefined, undefined])
  })

  test('wakes those who wait', async () => {
    const feed = createEventFeed()
    const waited = feed.wait(1_000_000, never)
    feed.add(event('a'))
    await waited
  })

  test('has notifications that PostgreSQL takes', () => {
    const data = { schedule: 's', policy: 'p', resolution: 'deleted', audit: null, dueAt: null } as const
    const small: OutboxEvent = { type: 'schedule.resumed', subject: 's', data }
    const large: OutboxEvent = { ...small, data: { ...data, policy: 'é'.repeat(4_000) } }
    expect([small, large].map((one) => JSON.parse(notificationOf(one, new Date(0))).data)).toEqual([data, null])
  })
})
