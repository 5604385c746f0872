import type { DnsFacts } from '../../domain/protocols/dns.ts'
import type { OptionsByProtocol } from '../../domain/protocols/index.ts'
import { escapeControls } from '../../encoding/text.ts'
import type { Endpoint, Probe, ProbeIo } from '../engine/probe.ts'
import { type Response, sameName } from './message.ts'
import { type Failure, isResponse, openTcpSession, openUdpSession, type Session } from './session.ts'
import { requestTransfer } from './zone-transfer.ts'

type Facts = NonNullable<DnsFacts['dns']>

/** In the cache of every resolver, so that it reveals nothing. */
const root = { name: '.', type: 'NS' } as const
/** Does not exist, RFC 6761 section 6.4. */
const foreignName = { name: 'portwarden.invalid', type: 'A' } as const
const maxNameBytes = 255

/** The root name servers, then what the rule needs. */
export const probeDns: Probe<'dns'> = async (endpoint, options, io) => {
  const session = options.transport === 'udp' ? openUdpSession(endpoint, io) : openTcpSession(endpoint, io)
  try {
    const first = await session.ask(root)
    if (!isResponse(first)) {
      const { spoke, ...outcome } = first
      return { ...outcome, facts: spoke === undefined ? {} : { spoke } }
    }
    const dns: Facts = { rcode: first.rcode }
    if (!first.recursionAvailable) dns.recursion = 'refused'
    const failure =
      (await askForNames(session, options, dns)) ?? (await askForMore(endpoint, session, options, dns, io))
    return failure
      ? { ...failure, state: 'open', facts: { dns } }
      : { state: 'open', reason: 'dns-responded', facts: { dns } }
  } finally {
    await session.close()
  }
}

type Options = OptionsByProtocol['dns']

/** Adds facts of zone and services; returns the failure that ended it. */
async function askForNames(
  session: Session,
  { zone, services = [] }: Options,
  dns: Facts,
): Promise<Failure | undefined> {
  if (zone !== undefined) {
    const response = await session.ask({ name: zone, type: 'SOA' }, { large: true })
    if (!isResponse(response)) return response
    dns.zone = zoneFacts(zone, response)
  }
  return askForServices(session, services, dns)
}

/** Recursion comes last: a server that resolves in vain takes long. */
async function askForMore(
  endpoint: Endpoint,
  session: Session,
  { zone, zoneTransfer, recursion }: Options,
  dns: Facts,
  io: ProbeIo,
): Promise<Failure | undefined> {
  if (zone !== undefined && zoneTransfer) {
    const transfer = await requestTransfer(endpoint, zone, io)
    if (transfer) dns.zoneTransfer = transfer
  }
  return recursion && dns.recursion === undefined ? askForRecursion(session, dns) : undefined
}

async function askForRecursion(session: Session, dns: Facts): Promise<Failure | undefined> {
  for (const question of [root, foreignName]) {
    const response = await session.ask(question, { recursion: true })
    if (!isResponse(response)) return response
    const recursion = recursionOf(response)
    if (recursion === 'unclear') continue
    dns.recursion = recursion
    return undefined
  }
  return undefined
}

/** Samba does not parse queries for the root. */
const unparsed: ReadonlySet<string> = new Set(['FORMERR', 'NOTIMP'])

function recursionOf({ recursionAvailable, rcode }: Response): 'offered' | 'refused' | 'unclear' {
  if (!recursionAvailable || rcode === 'REFUSED') return 'refused'
  return unparsed.has(rcode) ? 'unclear' : 'offered'
}

function zoneFacts(name: string, { rcode, authoritative, answers }: Response): NonNullable<Facts['zone']> {
  const soa = answers.find((answer) => answer.type === 'SOA' && sameName(answer.name, name))
  return {
    name: name.toLowerCase(),
    rcode,
    authoritative: authoritative && soa !== undefined,
    ...(soa?.type === 'SOA' && { primary: nameText(soa.data.mname) }),
  }
}

async function askForServices(session: Session, services: readonly string[], dns: Facts): Promise<Failure | undefined> {
  if (services.length === 0) return undefined
  const records = new Set<string>()
  const [missing, truncated]: [string[], string[]] = [[], []]
  for (const service of services) {
    const response = await session.ask({ name: service, type: 'SRV' }, { large: true })
    if (!isResponse(response)) return response
    const found = recordsIn(service, response)
    // The records in a truncated response change from one to the next.
    if (response.truncated) truncated.push(service.toLowerCase())
    else if (found.length === 0) missing.push(`${service.toLowerCase()} ${response.rcode}`)
    else for (const record of found) records.add(record)
  }
  dns.records = [...records].sort()
  if (missing.length > 0) dns.missing = missing.sort()
  if (truncated.length > 0) dns.truncated = truncated.sort()
  return undefined
}

const recordsIn = (service: string, { answers }: Response): string[] =>
  answers.flatMap((answer) => {
    if (answer.type !== 'SRV' || !sameName(answer.name, service)) return []
    const { priority = 0, weight = 0, port, target } = answer.data
    return [`${service.toLowerCase()} SRV ${priority} ${weight} ${port} ${nameText(target)}`]
  })

const nameText = (name: string): string => escapeControls(name.toLowerCase(), maxNameBytes)
