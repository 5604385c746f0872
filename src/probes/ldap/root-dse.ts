import type { LdapFacts } from '../../domain/protocols/ldap.ts'
import { generalizedTime } from '../../encoding/generalized-time.ts'
import { escapeControls } from '../../encoding/text.ts'
import type { Deadline } from '../engine/deadline.ts'
import type { Channel, Reply } from './channel.ts'
import { type Attributes, type Result, searchRootDse } from './messages.ts'

type Facts = LdapFacts

/** What the rootDSE shows without a bind. */
interface RootDse extends Pick<Facts, 'activeDirectory' | 'rootDse' | 'omitted'> {
  clockSkewMs?: number
  /** Absent if it was read. */
  refused?: Result
  /** As the server writes them, the default first; empty if hidden from anonymous clients. */
  namingContexts: string[]
}

/** Reads the rootDSE without a bind; a refusal gives an empty `rootDse`. */
export async function readRootDse(channel: Channel, messageId: number, within?: Deadline): Promise<Reply<RootDse>> {
  const sentAt = Date.now()
  const reply = await channel.request(searchRootDse(messageId, rootDseAttributes), within)
  const receivedAt = Date.now()
  if ('failure' in reply) return reply
  const { attributes, result } = reply.value
  if (!attributes) return { value: { rootDse: {}, refused: result, namingContexts: [] } }
  return {
    value: {
      ...rootDseFacts(attributes),
      clockSkewMs: clockSkewMs(attributes, sentAt, receivedAt),
      namingContexts: namingContextsIn(attributes),
    },
  }
}

function namingContextsIn(attributes: Attributes): string[] {
  const values = ['defaultNamingContext', 'namingContexts'].flatMap((name) => valuesOf(attributes, name) ?? [])
  return [...new Set(values.map((value) => value.toString('utf8', 0, maxLength)))]
}

/** Requested by name, because servers omit operational attributes otherwise. */
const rootDseAttributes = [
  'dnsHostName',
  'defaultNamingContext',
  'ldapServiceName',
  'domainFunctionality',
  'forestFunctionality',
  'domainControllerFunctionality',
  'supportedSASLMechanisms',
  'supportedCapabilities',
  'isGlobalCatalogReady',
  'isSynchronized',
  'currentTime',
  'namingContexts',
]

// MS-ADTS 3.1.1.3.4.3: every domain controller has this capability; AD LDS has another.
const activeDirectory = Buffer.from('1.2.840.113556.1.4.800')

/** The facts in a rootDSE, without malformed values. */
function rootDseFacts(attributes: Attributes): Pick<Facts, 'activeDirectory' | 'rootDse' | 'omitted'> {
  const text = (name: string) => {
    const [value, ...more] = attributes.get(name.toLowerCase()) ?? []
    return value && more.length === 0 ? printable(value) : undefined
  }
  const omitted: string[] = []
  const list = (fact: string, name: string) => {
    const values = valuesOf(attributes, name)
    if (values && values.length > maxValues) omitted.push(`rootDse/${fact}`)
    else if (values) return [...new Set(values.map(printable))].sort() // unordered: RFC 4511 section 4.1.7
    return undefined
  }
  const capabilities = valuesOf(attributes, 'supportedCapabilities') ?? []
  const facts = {
    activeDirectory: capabilities.some((value) => value.equals(activeDirectory)),
    rootDse: present({
      dnsHostName: text('dnsHostName'),
      defaultNamingContext: text('defaultNamingContext'),
      ldapServiceName: text('ldapServiceName'),
      domainFunctionality: integer(text('domainFunctionality')),
      forestFunctionality: integer(text('forestFunctionality')),
      domainControllerFunctionality: integer(text('domainControllerFunctionality')),
      supportedSaslMechanisms: list('supportedSaslMechanisms', 'supportedSASLMechanisms'),
      supportedCapabilities: list('supportedCapabilities', 'supportedCapabilities'),
      isGlobalCatalogReady: boolean(text('isGlobalCatalogReady')),
      isSynchronized: boolean(text('isSynchronized')),
    }),
  }
  return omitted.length > 0 ? { ...facts, omitted } : facts
}

/** Milliseconds that the server's clock is ahead, ±500: server times are truncated to seconds. Undefined without one. */
export function clockSkewMs(attributes: Attributes, sentAt: number, receivedAt: number): number | undefined {
  const [value] = attributes.get('currenttime') ?? []
  const time = value && generalizedTime(value.toString('latin1'))
  return time === undefined ? undefined : Math.round(time + 500 - (sentAt + receivedAt) / 2)
}

const maxLength = 500

const printable = (value: Buffer) => escapeControls(value, maxLength).slice(0, maxLength)

/** Lists with more values are left out, see `boundFacts`: rendering them would take long. */
const maxValues = 2_000

const valuesOf = (attributes: Attributes, name: string) => attributes.get(name.toLowerCase())

const integer = (text = '') => (/^(0|-?[1-9]\d{0,8})$/.test(text) ? Number(text) : undefined)

const boolean = (text = '') => (text === 'TRUE' || text === 'FALSE' ? text === 'TRUE' : undefined)

const present = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>
