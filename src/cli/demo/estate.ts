import type { PolicyDocument } from '../../domain/policy/policy.ts'
import { randomNumbers } from '../../runtime/random-numbers.ts'
import type { TargetInput } from '../../store/inventory/target-columns.ts'

/** The ports of the synthetic servers. All are above 1023, so that no privilege is needed. */
const ports = { web: 18_443, console: 18_022, database: 15_432, directory: 18_389 }

export const vantages: Readonly<Record<string, string>> = {
  office: 'client',
  helpdesk: 'support',
  datacenter: 'server',
}

/** The policy of the demo; from the second version on an open database is of high severity. */
export const policyOf = (version: 1 | 2): PolicyDocument => ({
  name: 'branch-servers',
  title: 'Network ports of branch servers',
  source: 'Synthetic example',
  rules: [
    {
      id: 'web-open',
      title: 'Clients reach the web interface',
      severity: 'high',
      direction: 'inbound',
      from: ['client'],
      probe: 'tcp',
      port: ports.web,
      expect: { state: ['open'] },
      remediation: `Allow TCP ${ports.web} from the client networks, and start the web server.`,
    },
    {
      id: 'console-support',
      title: 'Support reaches the management console',
      severity: 'medium',
      direction: 'inbound',
      from: ['support'],
      probe: 'tcp',
      port: ports.console,
      expect: { state: ['open'] },
      remediation: `Allow TCP ${ports.console} from the support network.`,
    },
    {
      id: 'database-closed',
      title: 'The database is not reachable over the network',
      severity: version === 1 ? 'medium' : 'high',
      direction: 'inbound',
      from: ['client', 'support'],
      probe: 'tcp',
      port: ports.database,
      expect: { state: ['closed', 'filtered'] },
      remediation: `Bind the database to loopback, or block TCP ${ports.database} in the firewall of the host.`,
    },
    {
      id: 'guest-isolated',
      title: 'Guests do not reach the web interface',
      severity: 'high',
      direction: 'inbound',
      from: ['guest'],
      probe: 'tcp',
      port: ports.web,
      expect: { state: ['closed', 'filtered'] },
    },
    {
      id: 'directory-reachable',
      title: 'The server network reaches the directory',
      severity: 'high',
      direction: 'inbound',
      from: ['server'],
      probe: 'tcp',
      port: ports.directory,
      expect: { state: ['open'] },
    },
  ],
})

const sites = ['berlin', 'hamburg', 'munich', 'vienna', 'zurich']

/** A network of loopback that another demo hardly has at the same time. */
export const network = `127.${1 + (process.pid % 254)}`

/** Synthetic servers, each with a loopback address of its own. */
export const targets: readonly TargetInput[] = Array.from({ length: 200 }, (_, i) => {
  const site = sites[i % sites.length] ?? ''
  return {
    name: `${site}-${String(Math.floor(i / sites.length) + 1).padStart(2, '0')}`,
    address: `${network}.${1 + (i % sites.length)}.${10 + Math.floor(i / sites.length)}`,
    labels: { site, stage: i % 10 < 8 ? 'production' : 'test' },
  }
})

/** A deviation of a server: one of its ports is open where it must be closed, or closed where it must be open. */
interface Deviation {
  target: number
  port: keyof typeof ports
  /** Nights from the first to the last, which belongs to it. */
  from: number
  to: number
}

const incident = { site: 'munich', night: 68, nights: 3 }

/** The same deviations in every run: some each week, and one that opens the databases of a site for three nights. */
function deviationsOf(nights: number): Deviation[] {
  const random = randomNumbers(7)
  const pick = (limit: number) => Math.floor(random() * limit)
  const names = Object.keys(ports) as (keyof typeof ports)[]
  const single = Array.from({ length: Math.round(nights * 0.9) }, (): Deviation => {
    const from = pick(nights)
    return { target: pick(targets.length), port: names[pick(names.length)] ?? 'web', from, to: from + pick(14) }
  })
  const site = targets.flatMap(({ labels }, target): Deviation[] =>
    labels?.site === incident.site
      ? [{ target, port: 'database', from: incident.night, to: incident.night + incident.nights - 1 }]
      : [],
  )
  return [...single, ...site]
}

/** The endpoints that are open in each night, as `address:port`. */
export function openEndpoints(nights: number): Set<string>[] {
  const deviations = deviationsOf(nights)
  return Array.from({ length: nights }, (_, night) => {
    const broken = new Set(
      deviations.filter(({ from, to }) => from <= night && night <= to).map(({ target, port }) => `${target} ${port}`),
    )
    return new Set(
      targets.flatMap(({ address }, target) =>
        (Object.keys(ports) as (keyof typeof ports)[])
          .filter((port) => (port !== 'database') !== broken.has(`${target} ${port}`))
          .map((port) => `${address}:${ports[port]}`),
      ),
    )
  })
}
