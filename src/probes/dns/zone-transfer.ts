import { randomInt } from 'node:crypto'
import type { DnsFacts } from '../../domain/protocols/dns.ts'
import { type Endpoint, isConnection, type ProbeIo } from '../engine/probe.ts'
import { openWire, type Wire } from '../network/wire.ts'
import { encodeQuery, type Question, type Response } from './message.ts'
import { isResponse, readResponse, withLength } from './session.ts'

type ZoneTransfer = NonNullable<NonNullable<DnsFacts['dns']>['zoneTransfer']>

const maxId = 0x10000
/** Two messages, of which the second shows that a transfer goes on. */
const maxBytes = 2 * (64 * 1024 + 2)
/** Other codes, such as SERVFAIL, leave it open. */
const refusals: ReadonlySet<string> = new Set(['REFUSED', 'NOTAUTH', 'NOTIMP', 'FORMERR'])

/** Requests the zone (RFC 5936) and reads no more than its beginning. */
export async function requestTransfer(
  endpoint: Endpoint,
  zone: string,
  io: ProbeIo,
): Promise<ZoneTransfer | undefined> {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return undefined
  const wire = openWire(connection.socket, io.deadline, maxBytes)
  const question = { name: zone, type: 'AXFR' } as const
  const id = randomInt(maxId)
  wire.send(withLength(encodeQuery(id, question, {})))
  const outcome = await readOutcome(wire, id, question)
  await wire.close()
  return outcome
}

async function readOutcome(wire: Wire, id: number, question: Question): Promise<ZoneTransfer> {
  const first = await readResponse(wire, id, question)
  if (!isResponse(first)) return { outcome: 'unclear' }
  const { rcode, answerCount } = first
  if (refusals.has(rcode) && answerCount === 0) return { outcome: 'refused', rcode }
  if (rcode !== 'NOERROR') return { outcome: 'unclear', rcode }
  // A transfer begins with the SOA; Samba responds without an answer.
  if (answerCount === 0) return { outcome: 'refused', rcode }
  if (!beginsZone(first)) return { outcome: 'unclear', rcode }
  if (answerCount > 1) return { outcome: 'allowed', rcode }
  // A message may have one record, RFC 5936 section 2.2.
  const second = await readResponse(wire, id, question)
  return { outcome: isResponse(second) && second.answerCount > 0 ? 'allowed' : 'unclear', rcode }
}

const beginsZone = ({ answers: [first] }: Response) => first?.type === 'SOA'
