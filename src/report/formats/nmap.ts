import { isIP, isIPv6 } from 'node:net'
import { canonicalJson } from '../../encoding/canonical-json.ts'
import { element, openTag, xmlHead } from '../../encoding/xml.ts'
import { endOf, type Rendering, type ReportedAudit, type ReportedFinding, startOf } from './audit.ts'

/**
 * Nmap XML for ndiff, which identifies hosts by address and name. A host is a target seen from one vantage, named
 * `TARGET@VANTAGE`, with `>HOST` if the rule probes another host. Each finding is a line in the script output of its port,
 * or of its host if it was not probed, so ndiff shows the same differences as a drift report. `notapplicable` is omitted.
 * Deviations from nmap.dtd: the scanner's name, and a missing address if nothing was probed.
 */
export const renderNmap: Rendering = async function* (audit, findings) {
  const elsewhere = new Set(audit.policy.document.rules.flatMap(({ id, host }) => (host === undefined ? [] : id)))
  const hosts = { up: 0, down: 0, total: 0 }
  yield headOf(audit)
  for await (const group of byTarget(findings())) {
    const named = Map.groupBy(
      group.filter(({ result }) => result !== 'notapplicable'),
      (one) => nameOf(one, elsewhere),
    )
    for (const [name, some] of named) {
      hosts.total += 1
      if (some.some(isUp)) hosts.up += 1
      yield hostOf(name, some)
    }
  }
  yield tailOf(audit, hosts)
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

function hostOf(name: string, findings: readonly ReportedFinding[]): string {
  const times = findings.map(({ observedAt }) => observedAt).sort()
  const addresses = new Set(findings.flatMap(({ evidence }) => Object.keys(evidence?.addresses ?? {})).filter(isIP))
  const status = findings.some(isUp)
    ? { state: 'up', reason: 'port-response' }
    : { state: 'unknown', reason: 'no-response' }
  const ports = Map.groupBy(findings, ({ evidence }) => evidence?.port)
  const notProbed = ports.get(undefined) ?? []
  return element(
    'host',
    { starttime: seconds(times[0]), endtime: seconds(times.at(-1)) },
    [
      element('status', { ...status, reason_ttl: 0 }),
      ...[...addresses].sort().map((addr) => element('address', { addr, addrtype: isIPv6(addr) ? 'ipv6' : 'ipv4' })),
      element('hostnames', {}, element('hostname', { name, type: 'user' })),
      element('ports', {}, [...ports].map(([port, some]) => (port === undefined ? '' : portOf(port, some))).join('')),
      notProbed.length > 0 ? element('hostscript', {}, scriptOf(notProbed)) : '',
    ].join(''),
  ).concat('\n')
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
    scanner: 'portwarden',
    args: `audit ${id} of policy ${policy.name}@${policy.version}`,
    start: seconds(startOf(audit)),
    startstr: new Date(startOf(audit)).toUTCString(),
    version: toolVersion,
    xmloutputversion: '1.05',
  }
  return `${xmlHead}${openTag('nmaprun', run)}\n<verbose level="0"/><debugging level="0"/>\n`
}

function tailOf(audit: ReportedAudit, hosts: Record<'up' | 'down' | 'total', number>): string {
  const end = endOf(audit)
  const finished = {
    time: seconds(end),
    timestr: new Date(end).toUTCString(),
    elapsed: (Date.parse(end) - Date.parse(startOf(audit))) / 1000,
    exit: audit.status === 'completed' ? 'success' : 'error',
  }
  return `${element('runstats', {}, element('finished', finished) + element('hosts', hosts))}\n</nmaprun>\n`
}

const seconds = (time = '') => Math.floor(Date.parse(time) / 1000)
