import type { DnsFacts } from '../../domain/protocols/dns.ts'
import { escapeControls } from '../../encoding/text.ts'
import type { Probe } from '../engine/probe.ts'
import { type Response, sameName } from './message.ts'
import { type Failure, isResponse, openTcpSession, type Session } from './session.ts'
import { requestTransfer } from './zone-transfer.ts'

type Facts = NonNullable<DnsFacts['dns']>

/** In the cache of every resolver, so that it reveals nothing. */
const root = { name: '.', type: 'NS' } as const
/** Does not exist, RFC 6761 section 6.4. */
const foreignName = { name: 'portwarden.invalid', type: 'A' } as const
const maxNameBytes = 255

/** The root name servers, then what the rule needs. */
export const probeDns: Probe<'dns'> = async (endpoint, { zone, services = [], zoneTransfer }, io) => {
  const session = openTcpSession(endpoint, io)
  try {
    const first = await session.ask(root, { recursion: true })
    if (!isResponse(first)) {
      const { spoke, ...outcome } = first
      return { ...outcome, facts: spoke === undefined ? {} : { spoke } }
    }
    const dns: Facts = { rcode: first.rcode }
    const failure = await examine(session, first, { zone, services }, dns)
    await session.close()
    if (failure) return { ...failure, state: 'open', facts: { dns } }
    if (zone !== undefined && zoneTransfer) {
      const transfer = await requestTransfer(endpoint, zone, io)
      if (transfer) dns.zoneTransfer = transfer
    }
    return { state: 'open', reason: 'dns-responded', facts: { dns } }
  } finally {
    await session.close()
  }
}

interface Wanted {
  zone: string | undefined
  services: readonly string[]
}

/** Adds facts; returns the failure that ended it. */
async function examine(session: Session, first: Response, wanted: Wanted, dns: Facts): Promise<Failure | undefined> {
  let recursion = recursionOf(first)
  if (recursion === 'unclear') {
    const second = await session.ask(foreignName, { recursion: true })
    if (!isResponse(second)) return second
    recursion = recursionOf(second)
  }
  if (recursion !== 'unclear') dns.recursion = recursion
  if (wanted.zone !== undefined) {
    const response = await session.ask({ name: wanted.zone, type: 'SOA' })
    if (!isResponse(response)) return response
    dns.zone = zoneFacts(wanted.zone, response)
  }
  return askForServices(session, wanted.services, dns)
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
  const missing: string[] = []
  for (const service of services) {
    const response = await session.ask({ name: service, type: 'SRV' })
    if (!isResponse(response)) return response
    const found = recordsIn(service, response)
    for (const record of found) records.add(record)
    if (found.length === 0 && !response.truncated) missing.push(`${service.toLowerCase()} ${response.rcode}`)
  }
  dns.records = [...records].sort()
  if (missing.length > 0) dns.missing = missing.sort()
  return undefined
}

const recordsIn = (service: string, { answers }: Response): string[] =>
  answers.flatMap((answer) => {
    if (answer.type !== 'SRV' || !sameName(answer.name, service)) return []
    const { priority = 0, weight = 0, port, target } = answer.data
    return [`${service.toLowerCase()} SRV ${priority} ${weight} ${port} ${nameText(target)}`]
  })

const nameText = (name: string): string => escapeControls(name.toLowerCase(), maxNameBytes)
