import { isIP, isIPv6 } from 'node:net'
import { canonicalJson } from '../../encoding/canonical-json.ts'
import { element, escapeXml, openTag, xmlHead } from '../../encoding/xml.ts'
import { endOf, type Rendering, type ReportedAudit, type ReportedFinding, startOf } from './audit.ts'

/**
 * Nmap XML, valid by nmap.dtd, for ndiff, which identifies hosts by address and name. A host is a target seen from one vantage,
 * named `TARGET@VANTAGE`, with `>HOST` if the rule probes another host. Each finding is a line in the script output of its port,
 * or of its host if it was not probed, so ndiff shows the same differences as a drift report. The DTD demands an address of
 * each host, so what was found without one is the output of a postscript. `notapplicable` is omitted.
 */
export const renderNmap: Rendering = async function* (audit, findings) {
  const elsewhere = new Set(audit.policy.document.rules.flatMap(({ id, host }) => (host === undefined ? [] : id)))
  const hosts = { up: 0, down: 0, total: 0 }
  let withoutAddress = false
  yield headOf(audit)
  for await (const host of hostsOf(findings(), elsewhere)) {
    if (host.addresses.length === 0) {
      withoutAddress = true
      continue
    }
    hosts.total += 1
    if (host.findings.some(isUp)) hosts.up += 1
    yield renderHost(host)
  }
  if (withoutAddress) yield* renderPostscript(hostsOf(findings(), elsewhere))
  yield tailOf(audit, hosts)
}

/** A target as one vantage sees it. */
interface Host {
  name: string
  /** Sorted. */
  addresses: readonly string[]
  findings: readonly ReportedFinding[]
}

async function* hostsOf(
  pages: AsyncIterable<readonly ReportedFinding[]>,
  elsewhere: ReadonlySet<string>,
): AsyncGenerator<Host> {
  for await (const group of byTarget(pages)) {
    const named = Map.groupBy(
      group.filter(({ result }) => result !== 'notapplicable'),
      (one) => nameOf(one, elsewhere),
    )
    for (const [name, some] of named) {
      const addresses = new Set(some.flatMap(({ evidence }) => Object.keys(evidence?.addresses ?? {})).filter(isIP))
      yield { name, addresses: [...addresses].sort(), findings: some }
    }
  }
}

/** Groups the findings by target. */
async function* byTarget(pages: AsyncIterable<readonly ReportedFinding[]>): AsyncGenerator<ReportedFinding[]> {
  let group: ReportedFinding[] = []
  for await (const page of pages) {
    for (const one of page) {
      if (group.length > 0 && group[0]?.target !== one.target) {
        yield group
        group = []
      }
      group.push(one)
    }
  }
  if (group.length > 0) yield group
}

function nameOf({ target, vantage, rule, evidence }: ReportedFinding, elsewhere: ReadonlySet<string>): string {
  const host = elsewhere.has(rule) ? evidence?.host : undefined
  return `${target}@${vantage}${host === undefined ? '' : `>${host}`}`
}

const isUp = ({ state, evidence }: ReportedFinding) =>
  state === 'open' || state === 'closed' || Object.values(evidence?.addresses ?? {}).some((seen) => seen.hostAnswered)

function renderHost({ name, addresses, findings }: Host): string {
  const times = findings.map(({ observedAt }) => observedAt).sort()
  const status = findings.some(isUp)
    ? { state: 'up', reason: 'port-response' }
    : { state: 'unknown', reason: 'no-response' }
  // A set has no single state, so it is a script result.
  const ports = Map.groupBy(findings, ({ evidence }) => (evidence?.ports ? undefined : evidence?.port))
  const notProbed = ports.get(undefined) ?? []
  return element(
    'host',
    { starttime: seconds(times[0]), endtime: seconds(times.at(-1)) },
    [
      element('status', { ...status, reason_ttl: 0 }),
      ...addresses.map((addr) => element('address', { addr, addrtype: isIPv6(addr) ? 'ipv6' : 'ipv4' })),
      element('hostnames', {}, element('hostname', { name, type: 'user' })),
      element('ports', {}, [...ports].map(([port, some]) => (port === undefined ? '' : portOf(port, some))).join('')),
      notProbed.length > 0 ? element('hostscript', {}, scriptOf(notProbed)) : '',
    ].join(''),
  ).concat('\n')
}

/** The findings of hosts without an address, in one script result: Debian's ndiff fails on two. */
async function* renderPostscript(hosts: AsyncIterable<Host>): AsyncGenerator<string> {
  yield '<postscript><script id="portwarden" output="'
  for await (const { name, addresses, findings } of hosts)
    if (addresses.length === 0) yield findings.map((one) => escapeXml(`${name} ${lineOf(one)}\n`)).join('')
  yield '"/></postscript>\n'
}

/** Nmap's port states by certainty; rules may observe a port at different times. */
const nmapStates: readonly string[] = ['open', 'closed', 'filtered']

function portOf(portid: number, findings: readonly ReportedFinding[]): string {
  const state = nmapStates.find((one) => findings.some((finding) => finding.state === one)) ?? 'unknown'
  const shown = findings.find((finding) => finding.state === state) ?? findings[0]
  return element(
    'port',
    { protocol: 'tcp', portid },
    element('state', { state, reason: shown?.reason.code, reason_ttl: 0 }) + scriptOf(findings),
  )
}

/** One script result, because Debian's ndiff fails on two. */
const scriptOf = (findings: readonly ReportedFinding[]): string =>
  element('script', { id: 'portwarden', output: findings.map(lineOf).join('\n') })

const lineOf = ({ rule, result, state, reason, evidence }: ReportedFinding): string =>
  `${rule}: ${result}, ${state}, ${reason.code}${evidence ? `, ${canonicalJson(evidence)}` : ''}`

function headOf(audit: ReportedAudit): string {
  const { id, policy, toolVersion } = audit
  const run = {
    scanner: 'nmap', // the only value that the DTD allows
    args: `portwarden audit ${id} of policy ${policy.name}@${policy.version}`,
    start: seconds(startOf(audit)),
    startstr: new Date(startOf(audit)).toUTCString(),
    version: `portwarden ${toolVersion}`,
    xmloutputversion: '1.05',
  }
  return `${xmlHead}<!DOCTYPE nmaprun>\n${openTag('nmaprun', run)}\n<verbose level="0"/><debugging level="0"/>\n`
}

function tailOf(audit: ReportedAudit, hosts: Record<'up' | 'down' | 'total', number>): string {
  const end = endOf(audit)
  const finished = {
    time: seconds(end),
    timestr: new Date(end).toUTCString(),
    elapsed: Math.max(0, Date.parse(end) - Date.parse(startOf(audit))) / 1000,
    exit: audit.status === 'completed' ? 'success' : 'error',
  }
  return `${element('runstats', {}, element('finished', finished) + element('hosts', hosts))}\n</nmaprun>\n`
}

const seconds = (time = '') => Math.floor(Date.parse(time) / 1000)
