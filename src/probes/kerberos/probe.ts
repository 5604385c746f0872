import { randomInt } from 'node:crypto'
import type { KerberosFacts } from '../../domain/protocols/kerberos.ts'
import type { Probe } from '../engine/probe.ts'
import { encodeAsReq, madeUpClient } from './as-req.ts'
import { type Exchange, exchangeOverTcp, exchangeOverUdp } from './exchange.ts'
import { encryptionName, errorName } from './names.ts'
import type { Reply } from './reply.ts'

type Facts = NonNullable<KerberosFacts['kerberos']>

/** No KDC serves it: RFC 2606. */
const madeUpRealm = 'PORTWARDEN.INVALID'
const [clientUnknown, policy, clientRevoked, preAuthRequired, wrongRealm] = [6, 12, 18, 25, 68]
/** Responses about a client that the realm has. */
const clientKnown: ReadonlySet<number | undefined> = new Set([policy, clientRevoked, preAuthRequired])
const nonceEnd = 2 ** 31

/** One AS-REQ for a made-up client, and more to find the realm. */
export const probeKerberos: Probe<'kerberos'> = async (endpoint, options, io) => {
  const { realm, maxClockSkewSeconds } = options
  const exchange = options.transport === 'udp' ? exchangeOverUdp : exchangeOverTcp
  const request = (of: string, client: readonly string[]) =>
    exchange(endpoint, encodeAsReq(of, client, randomInt(nonceEnd)), io)
  const first = await request(realm ?? madeUpRealm, madeUpClient)
  if (!('reply' in first)) {
    const { spoke, ...outcome } = first
    return { ...outcome, facts: spoke === undefined ? {} : { spoke } }
  }
  const { reply } = first
  const kerberos: Facts = { response: reply.message }
  if (reply.errorCode !== undefined) kerberos.errorCode = reply.errorCode
  const name = reply.errorCode === undefined ? undefined : errorName(reply.errorCode)
  if (name !== undefined) kerberos.errorName = name
  const skewMs = clockSkewMs(first)
  if (maxClockSkewSeconds !== undefined && skewMs !== undefined)
    kerberos.clock = { limitSeconds: maxClockSkewSeconds, within: Math.abs(skewMs) <= maxClockSkewSeconds * 1000 }
  if (realm !== undefined) Object.assign(kerberos, await realmFacts(realm, reply, options.askKrbtgt ?? false, request))
  return {
    state: 'open',
    reason: 'kerberos-responded',
    facts: { kerberos },
    ...(skewMs !== undefined && { measurements: { clockSkewMs: skewMs } }),
  }
}

/** Milliseconds that the clock of the KDC is ahead. */
function clockSkewMs(exchange: Exchange): number | undefined {
  if (!('reply' in exchange) || exchange.reply.serverTime === undefined) return undefined
  return Math.round(exchange.reply.serverTime - (exchange.sentAt + exchange.receivedAt) / 2)
}

type Request = (realm: string, client: readonly string[]) => Promise<Exchange>

/** A response shows the realm only where another realm gets another one. */
async function realmFacts(
  name: string,
  first: Reply,
  askKrbtgt: boolean,
  request: Request,
): Promise<Pick<Facts, 'realm' | 'encryptionTypes'>> {
  if (first.errorCode === wrongRealm) return { realm: { name, served: false } }
  const other = replyOf(await request(madeUpRealm, madeUpClient))
  if (other?.errorCode === wrongRealm) return { realm: { name, served: true } }
  return askKrbtgt ? krbtgtFacts(name, request) : { realm: { name } }
}

/** Active Directory knows `krbtgt`, MIT Kerberos `krbtgt/REALM`. */
async function krbtgtFacts(name: string, request: Request): Promise<Pick<Facts, 'realm' | 'encryptionTypes'>> {
  const codes: (number | undefined)[] = []
  for (const client of [['krbtgt'], ['krbtgt', name]]) {
    const reply = replyOf(await request(name, client))
    if (reply && isKnown(reply)) {
      const other = replyOf(await request(madeUpRealm, client))
      return other?.errorCode === clientUnknown
        ? { realm: { name, served: true }, ...typesOf(reply) }
        : { realm: { name } }
    }
    codes.push(reply?.errorCode)
  }
  return codes.every((code) => code === clientUnknown) ? { realm: { name, served: false } } : { realm: { name } }
}

const replyOf = (exchange: Exchange): Reply | undefined => ('reply' in exchange ? exchange.reply : undefined)

const isKnown = ({ message, errorCode }: Reply): boolean => message === 'AS-REP' || clientKnown.has(errorCode)

const typesOf = ({ encryptionTypes }: Reply) =>
  encryptionTypes && { encryptionTypes: encryptionTypes.map(encryptionName) }
