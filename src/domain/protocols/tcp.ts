import { closedObject } from '../policy/shape.ts'
import { defineProtocol } from './protocol.ts'

/** A connection only; its state is all there is. */
export const tcp = defineProtocol({
  name: 'tcp',
  facts: closedObject({}),
  expects: {},
  options: closedObject({}),
  optionsFor: () => ({}),
  awaits: () => 'connection',
  reasons: { 'tcp-connected': { about: 'peer', message: 'The port accepted a TCP connection.' } },
  modules: { tcp_connect: { succeeds: ({ state }) => state === 'open' } },
  significance: {},
})
