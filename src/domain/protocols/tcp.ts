import { Type } from 'typebox'
import { closedObject } from '../policy/shape.ts'
import { defineProtocol, omitted } from './protocol.ts'

const ranges = (maxItems: number, description: string) =>
  Type.Optional(
    Type.Array(Type.String({ pattern: '^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$', maxLength: 11 }), {
      maxItems,
      description,
      examples: [['22', '8000-8100']],
    }),
  )

/** Ranges of one state that facts hold; a host whose ports alternate has more. */
export const maxRanges = 512

/** A connection only. Of one port its state is all there is; of a set the facts hold the ports of each state. */
export const tcp = defineProtocol({
  name: 'tcp',
  facts: closedObject({
    open: ranges(maxRanges, 'Of a set: its ports that accepted a connection'),
    closed: ranges(maxRanges, 'Of a set: its ports that refused a connection'),
    filtered: ranges(maxRanges, 'Of a set: its ports that stayed silent, or that an ICMP message rejected'),
    unreachable: ranges(maxRanges, 'Of a set: its ports to which the network reported no path, or no host'),
    denied: ranges(maxRanges, 'Of a set: its ports that the egress policy does not allow'),
    omitted,
  }),
  expects: {},
  options: closedObject({ ports: ranges(1_024, 'A set of ports, each of which is probed') }),
  optionsFor: () => ({}),
  awaits: () => 'connection',
  reasons: {
    'tcp-connected': { about: 'peer', message: 'The port accepted a TCP connection.' },
    'ports-unexpectedly-open': {
      about: 'rule',
      message: 'Ports of the set are open, and the rule does not allow that.',
    },
    'ports-not-as-expected': {
      about: 'rule',
      message: 'Ports of the set are closed, filtered or unreachable, and the rule does not allow their state.',
    },
    'ports-undecided': {
      about: 'rule',
      message: 'The state of ports of the set is not known, and none of the others violates the rule.',
    },
  },
  modules: { tcp_connect: { succeeds: ({ state }) => state === 'open' } },
  significance: { open: 'notice' },
})
