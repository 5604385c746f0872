import { once } from 'node:events'
import type { Observation } from '../../../src/domain/findings/observation.ts'
import type { Check } from '../../../src/probes/engine/check.ts'
import type { Observe } from '../../../src/probes/engine/run-check.ts'
import { coalesce } from '../../../src/runtime/coalesce.ts'
import { observeIn, patience } from '../../support/observe-in.ts'
import { startExim } from '../../support/peers/exim.ts'
import { firewalledPorts, routedAddresses, startNetwork } from '../../support/peers/netns.ts'
import { freePort } from '../../support/ports.ts'
import { type CertificateName, hostName } from '../certificates.ts'
import { type PeerStarter, perConfiguration, running } from './running.ts'

const listening = 8080

/** Loopback without a listener. */
const closed: PeerStarter = {
  needs: [],
  start: async (sites) => {
    const ports = Object.fromEntries(await Promise.all(sites.map(async (site) => [site, await freePort()] as const)))
    const at = (site: string) => ({ host: '127.0.0.1', address: '127.0.0.1', port: ports[site] ?? 0 })
    return running(async () => {}, at)
  },
}

/** A host behind a firewall, in a network of its own; a site is a port, or an address that it routes to. */
const firewall: PeerStarter = {
  needs: ['netns'],
  start: async () => {
    const network = await startNetwork()
    const program = `require('node:net').createServer((s) => s.destroy()).listen(${listening}, () => console.log())`
    const server = network.spawn('target', [process.execPath, '-e', program])
    await once(server.stdout ?? server, 'data')
    const observeGroup = coalesce((checks: readonly Check[]) =>
      observeIn(network, { ...patience, checks: [...checks] }),
    )
    const observe = ((check: Check): Promise<Observation> => observeGroup(check)) as Observe
    const run = async (command: string, args: readonly string[]) => {
      const { code, stdout, stderr } = await network.exec('client', [command, ...args])
      return { code, stdout, text: `${stdout}\n${stderr}` }
    }
    const addresses: Record<string, string> = { ...routedAddresses, absent: network.absentAddress }
    const ports: Record<string, number> = { open: listening, closed: 9 }
    for (const [port, treatment] of Object.entries(firewalledPorts)) ports[treatment] = Number(port)
    return running(
      async () => {
        server.kill()
        await network.stop()
      },
      (site) => {
        const address = addresses[site] ?? network.targetAddress
        return { host: address, address, port: ports[site] ?? 22, run, observe }
      },
    )
  },
}

export const otherPeers = {
  Exim: perConfiguration(
    ['exim'],
    (name, { named }) =>
      startExim(
        name === 'no-tls'
          ? { tls: false }
          : { certificate: named[(name === 'default' ? 'good' : name) as CertificateName] },
      ),
    ({ host, port }, _, { root }) => ({ host: hostName, address: host, port, ca: root.ca, caPath: root.caPath }),
  ),
  'no listener': closed,
  firewall,
} satisfies Record<string, PeerStarter>
