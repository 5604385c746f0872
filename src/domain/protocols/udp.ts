import { type Static, Type } from 'typebox'
import { closedObject } from '../policy/shape.ts'
import { optional } from '../policy/values.ts'
import { defineProtocol } from './protocol.ts'

const UdpExpectation = closedObject({
  send: optional(
    Type.String({
      pattern: '^([0-9a-fA-F]{2})*$',
      maxLength: 1024,
      description: 'The datagram in hexadecimal digits, up to 512 bytes; default: an empty one',
      examples: ['0a0b'],
    }),
  ),
})

const UdpOptions = closedObject({ payload: Type.Optional(Type.String({ maxLength: 1024 })) })

/** One datagram, and whether any comes back: the port is open, closed by an ICMP message, or nothing is known of it. */
export const udp = defineProtocol({
  name: 'udp',
  transports: ['udp'],
  facts: closedObject({}),
  expects: { udp: { schema: UdpExpectation, violation: () => undefined } },
  options: UdpOptions,
  optionsFor: ({ udp: expected }): Static<typeof UdpOptions> =>
    expected?.send === undefined ? {} : { payload: expected.send.toLowerCase() },
  awaits: () => 'datagram',
  reasons: { 'udp-responded': { about: 'peer', message: 'The port responded to the datagram.' } },
  modules: {},
  significance: {},
})
