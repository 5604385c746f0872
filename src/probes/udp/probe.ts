import { isReply, type Probe } from '../engine/probe.ts'

/** Sends one datagram; any that comes back from the port shows that it is open. */
export const probeUdp: Probe<'udp'> = async (endpoint, { payload = '' }, io) => {
  const result = await io.exchange(endpoint, Buffer.from(payload, 'hex'), () => true)
  if (!isReply(result)) return { ...result, facts: {} }
  return { state: 'open', reason: 'udp-responded', facts: {}, latencyMs: result.latencyMs }
}
