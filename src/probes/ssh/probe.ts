import { randomBytes } from 'node:crypto'
import type { ReasonCode } from '../../domain/findings/reasons.ts'
import type { SshFacts } from '../../domain/protocols/ssh.ts'
import { isConnection, type Probe } from '../engine/probe.ts'
import { openWire, type Wire } from '../network/wire.ts'
import { readHostKey } from './host-key.ts'
import { type Identification, identify, maxIdentificationBytes, readIdentification } from './identification.ts'
import { type Choice, encodeKexInit, negotiate, parseKexInit } from './kex-init.ts'
import { exchangeKeys } from './key-exchange.ts'
import { encodeDisconnect, encodePacket, isBroken, maxPacketBytes, messages, readMessage } from './packet.ts'

type Facts = SshFacts
interface Seen {
  reason: ReasonCode
  facts: Facts
}

// The key exchange takes a few packets.
const maxBytes = maxIdentificationBytes + 4 * maxPacketBytes

/**
 * Runs the SSH transport protocol (RFC 4253) up to the signed host key on one connection. Ends with SSH_MSG_DISCONNECT
 * before authentication, so that the server logs the requester and no failed login.
 */
export const probeSsh: Probe<'ssh'> = async (endpoint, _options, io) => {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { ...connection, facts: {} }
  const wire = openWire(connection.socket, io.deadline, maxBytes)
  const { reason, facts } = await runProtocol(wire, identify(io.requester))
  // Only a peer that sent its KEXINIT can parse it.
  await wire.close(facts.algorithms && encodeDisconnect(`audit complete (${io.requester})`))
  return { state: 'open', reason, facts }
}

async function runProtocol(wire: Wire, ourLine: Buffer): Promise<Seen> {
  // First, per RFC 4253 section 4.2; other protocols may wait for a request.
  wire.send(Buffer.concat([ourLine, Buffer.from('\r\n')]))
  const identified = await readIdentification(wire)
  if (!identified.line) return { reason: identified.reason, facts: identified.facts }
  const { facts } = identified
  // 1.99 means 2.0 with compatibility to 1.x (RFC 4253 section 5.1).
  const speaksTwo = facts.protocolVersion.startsWith('2.') || facts.protocolVersion === '1.99'
  return speaksTwo ? negotiateKeys(wire, ourLine, identified) : { reason: 'ssh-no-common-version', facts }
}

async function negotiateKeys(wire: Wire, ourLine: Buffer, { line, facts }: Identification): Promise<Seen> {
  const ourKexInit = encodeKexInit(randomBytes(16))
  wire.send(encodePacket(ourKexInit))
  const theirKexInit = await readMessage(wire, [messages.kexInit])
  if (isBroken(theirKexInit)) return { reason: theirKexInit.reason, facts: { ...facts, ...theirKexInit.facts } }
  const parsed = parseKexInit(theirKexInit)
  if (!parsed) return { reason: 'protocol-violation', facts }
  const { algorithms, guessFollows } = parsed
  const known = { ...facts, algorithms }
  const choice = negotiate(algorithms)
  if (!choice) return { reason: 'ssh-no-common-algorithm', facts: known }
  if (guessFollows && !choice.guessIsRight) {
    const guess = await readMessage(wire, keyExchangeMessages)
    if (isBroken(guess)) return { reason: guess.reason, facts: { ...known, ...guess.facts } }
  }
  const proof = await proveHostKey(wire, choice, [ourLine, line, ourKexInit, theirKexInit])
  return { reason: proof.reason, facts: { ...known, ...proof.facts } }
}

// 30 to 49 belong to the key exchange methods (RFC 4253 section 12).
const keyExchangeMessages = Array.from({ length: 20 }, (_, index) => 30 + index)

async function proveHostKey(
  wire: Wire,
  { kex, hostKey: algorithm }: Choice,
  opening: readonly Buffer[],
): Promise<Seen> {
  const exchange = await exchangeKeys(wire, kex, opening)
  if (isBroken(exchange)) return exchange
  const facts = readHostKey(exchange, algorithm)
  if (!facts) return { reason: 'protocol-violation', facts: {} }
  return { reason: facts.hostKey.verified ? 'ssh-ok' : 'ssh-signature-invalid', facts }
}
