import { isUtf8 } from 'node:buffer'
import { isJson } from './document.ts'

/** What was sent as a body, and what came. */
interface Exchange {
  sent?: string | Buffer | undefined
  body: string
}

const deepest = 64

/** The kinds of bad input that must be among the requests; what says so is the bytes that were sent, or the refusal. */
const kinds: Record<string, (sent: string, exchange: Exchange) => boolean> = {
  'malformed JSON': (sent) => sent !== '' && !isJson(sent),
  'invalid UTF-8': (_, { sent }) => Buffer.isBuffer(sent) && !isUtf8(sent),
  'a name twice': (sent) => /^\{("[^"]*":)null,\1/.test(sent),
  'deep nesting': (sent) => depthOf(sent) > deepest,
  'prototype keys': (sent) => /"(__proto__|constructor|prototype)":/.test(sent),
  'huge numbers': (sent) => /[:[,]-?(\d{16,}|\d(\.\d+)?e[+-]\d{2,})/.test(sent),
  'wrong types': (_, { body }) => /must be (array|boolean|integer|null|number|object|string)/.test(body),
  'unknown fields': (_, { body }) => body.includes('is not a known field'),
}

function depthOf(text: string): number {
  let [depth, most] = [0, 0]
  for (const character of text.replaceAll(/"(\\.|[^"\\])*"/g, '')) {
    if (character === '[' || character === '{') most = Math.max(most, ++depth)
    else if (character === ']' || character === '}') depth -= 1
  }
  return most
}

/** Counts the requests of each kind; a request can be of several. */
export function createTally() {
  const counts = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, 0]))
  return {
    counts,
    add(exchange: Exchange): void {
      const sent = exchange.sent?.toString() ?? ''
      for (const [kind, isOne] of Object.entries(kinds))
        if (isOne(sent, exchange)) counts[kind] = (counts[kind] ?? 0) + 1
    },
  }
}
