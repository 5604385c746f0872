import { escapeControls } from '../../encoding/text.ts'

const maxBytes = 300
/** Where a time begins, which is at the end of a greeting: RFC 5322, ctime or RFC 3339. */
const time = /\b(?:mon|tue|wed|thu|fri|sat|sun)(?:,| +(?:\d|[a-z]{3} +\d)).*|\b\d{4}-\d\d-\d\d.*|\b\d{1,2}:\d\d\b.*/is
const bracketed = /\[[^\]]*\]|<[^>]*>/g
const minIdLength = 8
const minIdTransitions = 3

/**
 * The software that a greeting names, so that two greetings of one server give the same text: without the host name (a
 * pool has many), times and session ids. The lines are Latin-1.
 */
export function softwareOf([first = '', ...others]: readonly string[]): string {
  const [host = ''] = first.split(' ', 1)
  const last = others.at(-1) ?? first
  // A teaser of postscreen comes before the greeting, an advertisement after it; only a greeting begins with the host.
  const greeting = last.startsWith(`${host} `) ? last : first
  const words = greeting.slice(host.length).replace(bracketed, ' ').replace(time, '').split(/\s+/)
  const text = words.filter((word) => word !== '' && !isId(word)).join(' ')
  return escapeControls(Buffer.from(text.replace(/[\s;,-]+$/, ''), 'latin1'), maxBytes)
}

/** A random id changes often between letters and digits, the name of a version seldom. */
function isId(word: string): boolean {
  const runs = word.match(/[a-z]+|\d+/gi) ?? []
  return word.length >= minIdLength && !word.includes('/') && runs.length > minIdTransitions
}
