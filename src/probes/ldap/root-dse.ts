import type { FactsByProbe } from '../../domain/findings/observation.ts'
import { escapeControls } from '../../encoding/text.ts'
import type { Answer, Channel } from './channel.ts'
import { type Attributes, searchRootDse } from './messages.ts'

type Facts = FactsByProbe['ldap']

/** What the rootDSE told anybody who asks. */
interface RootDse extends Pick<Facts, 'activeDirectory' | 'rootDse'> {
  clockSkewMs?: number
  /** As the server writes it; none where it tells strangers nothing. */
  namingContext?: string
}

/** Reads the rootDSE without a bind. A server that refuses that has answered nevertheless. */
export async function readRootDse(channel: Channel, messageId: number): Promise<Answer<RootDse>> {
  const sentAt = Date.now()
  const answer = await channel.ask(searchRootDse(messageId, rootDseAttributes))
  const receivedAt = Date.now()
  if ('failure' in answer) return answer
  const { attributes } = answer.value
  if (!attributes) return { value: { rootDse: {} } }
  const [context] = attributes.get('defaultnamingcontext') ?? attributes.get('namingcontexts') ?? []
  return {
    value: {
      ...rootDseFacts(attributes),
      clockSkewMs: clockSkewMs(attributes, sentAt, receivedAt),
      namingContext: context?.toString('utf8', 0, longest),
    },
  }
}

/** What is asked of the rootDSE. By name, since servers leave out operational attributes that nobody named. */
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

// MS-ADTS 3.1.1.3.4.3: every domain controller has this capability; AD LDS, which holds no domain, has another.
const activeDirectory = '1.2.840.113556.1.4.800'

/** The facts in a rootDSE. A value of the wrong form is left out: it is not what the attribute means. */
function rootDseFacts(attributes: Attributes): Pick<Facts, 'activeDirectory' | 'rootDse'> {
  const text = (name: string) => {
    const [value, ...more] = attributes.get(name.toLowerCase()) ?? []
    return value && more.length === 0 ? printable(value) : undefined
  }
  const capabilities = list(attributes, 'supportedCapabilities')
  return {
    activeDirectory: capabilities?.includes(activeDirectory) ?? false,
    rootDse: present({
      dnsHostName: text('dnsHostName'),
      defaultNamingContext: text('defaultNamingContext'),
      ldapServiceName: text('ldapServiceName'),
      domainFunctionality: integer(text('domainFunctionality')),
      forestFunctionality: integer(text('forestFunctionality')),
      domainControllerFunctionality: integer(text('domainControllerFunctionality')),
      supportedSaslMechanisms: list(attributes, 'supportedSASLMechanisms'),
      supportedCapabilities: capabilities,
      isGlobalCatalogReady: boolean(text('isGlobalCatalogReady')),
      isSynchronized: boolean(text('isSynchronized')),
    }),
  }
}

/**
 * How far the server's clock is ahead of ours, ±500 ms; undefined when it does not tell. Its time has whole seconds,
 * so on average half a second more has passed there. `sentAt` and `receivedAt` are milliseconds since the epoch.
 */
export function clockSkewMs(attributes: Attributes, sentAt: number, receivedAt: number): number | undefined {
  const [value] = attributes.get('currenttime') ?? []
  const time = value && generalizedTime(value.toString('latin1'))
  return time === undefined ? undefined : Math.round(time + 500 - (sentAt + receivedAt) / 2)
}

const longest = 500

const printable = (value: Buffer) => escapeControls(value, longest).slice(0, longest)

// No standard promises an order of values, and evidence must not change with it (RFC 4511 section 4.1.7).
function list(attributes: Attributes, name: string): string[] | undefined {
  const values = attributes.get(name.toLowerCase())
  return values && [...new Set(values.map(printable))].sort()
}

const integer = (text = '') => (/^(0|-?[1-9]\d{0,8})$/.test(text) ? Number(text) : undefined)

const boolean = (text = '') => (text === 'TRUE' || text === 'FALSE' ? text === 'TRUE' : undefined)

/** RFC 4517 section 3.3.13, in the form that directories send: whole seconds, UTC. */
function generalizedTime(text: string): number | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d{1,9})?Z$/.exec(text) ?? []
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  return Number.isNaN(time) ? undefined : time
}

const present = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>
