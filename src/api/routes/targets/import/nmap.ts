import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { type Row, UnreadableError } from './body.ts'

/** One host may take so many characters: its scripts can say much. */
const hostLimit = 4 * 2 ** 20

/**
 * The hosts of what `nmap -oX` wrote. Of a host that is up its first IPv4 address, else IPv6, is the address, and the name
 * that the scan was given, else the one of its PTR record, else the address, is the name; nothing else is taken.
 */
export async function* readNmap(pieces: AsyncIterable<string>): AsyncGenerator<Row> {
  for await (const { line, text } of hostsOf(pieces)) {
    const row = readHost(line, text)
    if (row) yield row
  }
}

const list = <T>(value: T | T[] | undefined): T[] => (value === undefined ? [] : Array.isArray(value) ? value : [value])
interface Host {
  status?: { state?: string }
  address?: { addr?: string; addrtype?: string } | { addr?: string; addrtype?: string }[]
  hostnames?: '' | { hostname?: { name?: string; type?: string } | { name?: string; type?: string }[] }
}

// Entities are not resolved: a name with one is invalid.
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
  processEntities: false,
})

function readHost(line: number, text: string): Row | undefined {
  const valid = XMLValidator.validate(text)
  if (valid !== true) return refuse(line + valid.err.line - 1, `is not XML: ${valid.err.msg}`)
  const { host } = parser.parse(text) as { host: Host | '' }
  if (typeof host !== 'object') return refuse(line, 'is a host without an address')
  if (host.status?.state !== undefined && host.status.state !== 'up') return undefined
  const addresses = list(host.address)
  const of = (type: string) => addresses.find(({ addrtype }) => addrtype === type)?.addr
  const address = of('ipv4') ?? of('ipv6')
  if (address === undefined) return refuse(line, 'is a host without an IP address')
  const names = list(typeof host.hostnames === 'object' ? host.hostnames.hostname : undefined)
  const named = (wanted: string) => names.find(({ type }) => type === wanted)?.name
  return { line, value: { name: named('user') ?? named('PTR') ?? address, address } }
}

const refuse = (line: number, message: string): Row => ({ line, issues: [{ pointer: '', message }] })

/** What matters outside hosts. */
const mark = /<!--|<nmaprun[\s>]|<host[\s>]|<\/nmaprun\s*>/
/** The longest mark, which two pieces may share. */
const longestMark = 16
const ends: Record<string, string> = { '<!--': '-->', '<host': '</host>' }

/** Cuts a document into its hosts, each with the line where it begins; memory holds one. */
async function* hostsOf(pieces: AsyncIterable<string>): AsyncGenerator<{ line: number; text: string }> {
  let text = ''
  let line = 1
  let [opened, closed] = [false, false]
  const take = (length: number) => {
    const taken = text.slice(0, length)
    text = text.slice(length)
    for (let at = taken.indexOf('\n'); at >= 0; at = taken.indexOf('\n', at + 1)) line += 1
    return taken
  }
  for await (const piece of pieces) {
    text += piece
    for (;;) {
      const found = mark.exec(text)
      take(found ? found.index : Math.max(0, text.length - longestMark))
      if (!found) break
      const end = ends[found[0].slice(0, '<host'.length)]
      const at = end === undefined ? 0 : text.indexOf(end)
      if (at < 0 || at > hostLimit) break
      const begins = line
      const part = take(end === undefined ? found[0].length : at + end.length)
      if (end === '</host>') {
        if (!opened || closed) throw new UnreadableError('a host outside <nmaprun>', begins)
        yield { line: begins, text: part }
      } else if (end === undefined) {
        if (found[0].startsWith('</')) closed = true
        else opened = true
      }
    }
    if (text.length > hostLimit)
      throw new UnreadableError(`a host or comment has more than ${hostLimit} characters`, line)
  }
  if (!opened) throw new UnreadableError('not what nmap -oX writes: there is no <nmaprun>', line)
  if (!closed) throw new UnreadableError('the document ends before </nmaprun>', line)
}
