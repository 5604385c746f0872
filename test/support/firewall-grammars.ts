import { isIPv4, isIPv6 } from 'node:net'

/** Throws at the first line that is neither; returns what `read` makes of each command line. */
function readLines<T>(text: string, comment: RegExp, read: (line: string) => T): T[] {
  const broken = /[^\P{Cc}\n]|[\u2028\u2029]/u.exec(text)
  if (broken) throw new Error(`control character ${JSON.stringify(broken[0])}`)
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !comment.test(line))
    .map(read)
}

const rejected = (line: string): never => {
  throw new Error(`not in the grammar: ${JSON.stringify(line)}`)
}

/** PowerShell takes each of these for a single quote (about_Quoting_Rules; CharTraits.IsSingleQuote). */
const quoted = /'(?:[^'\u2018\u2019\u201a\u201b]|'')*'/.source
const argument = new RegExp(`^ -(\\w+) ([A-Z][A-Za-z]*|${quoted}(?:,${quoted})*)`)

export interface NetFirewallRule {
  [parameter: string]: string[]
}

/** The commands of a script that consists of comments and New-NetFirewallRule with literal arguments. */
export function readPowerShell(text: string): NetFirewallRule[] {
  return readLines(text, /^#(?!>)/, (line) => {
    const name = 'New-NetFirewallRule'
    if (!line.startsWith(name)) rejected(line)
    const found: NetFirewallRule = {}
    for (let rest = line.slice(name.length); rest !== ''; ) {
      const [whole = '', parameter = '', value = ''] = argument.exec(rest) ?? rejected(line)
      const texts = value.startsWith("'") ? [...value.matchAll(new RegExp(quoted, 'g'))].map(([one]) => one) : [value]
      found[parameter] = texts.map((one) => one.replace(/^'|'$/g, '').replaceAll("''", "'"))
      rest = rest.slice(whole.length)
    }
    return found
  })
}

const ciscoPort = '(?:eq (\\d+)|range (\\d+) (\\d+))'
const entry = new RegExp(
  `^ (permit|deny) (tcp|udp) (host \\S+|any|\\S+ \\S+|\\S+/\\d+) (host \\S+|any|\\S+ \\S+|\\S+/\\d+) ${ciscoPort}$`,
)

/**
 * The entries of access lists, by list: named extended lists of Cisco IOS ("ip access-list extended", "permit" and "remark" in
 * Cisco IOS Security Command Reference; remarks have at most 100 characters, and `?` calls for help).
 */
export function readCisco(text: string): Record<string, string[]> {
  const lists: Record<string, string[]> = {}
  let list: { name: string; isIp: (address: string) => boolean } | undefined
  if (/[^\n\x20-\x7e]|\?/.test(text)) throw new Error('a character that IOS does not take')
  readLines(text, /^!/, (line) => {
    const [, kind, name] = /^(ip access-list extended|ipv6 access-list) ([A-Za-z][A-Za-z0-9-]{0,63})$/.exec(line) ?? []
    if (kind && name) {
      list = { name, isIp: kind.startsWith('ipv6') ? isIPv6 : isIPv4 }
      lists[name] = []
    } else if (line === 'end') list = undefined
    else if (!list) rejected(line)
    else if (!/^ remark .{1,100}$/.test(line)) {
      const [, , , source = '', destination = ''] = entry.exec(line) ?? rejected(line)
      const { isIp } = list
      const words = [source, destination]
        .flatMap((end) => end.replace(/^host /, '').split(/[ /]/))
        .filter((word) => word !== 'any')
      if (!words.every((word) => isIp(word) || /^\d{1,3}$/.test(word))) rejected(line)
      lists[list.name]?.push(line.trim())
    }
  })
  return lists
}

interface IpPermission {
  IpProtocol: string
  FromPort: number
  ToPort: number
  IpRanges?: { CidrIp: string; Description: string }[]
  Ipv6Ranges?: { CidrIpv6: string; Description: string }[]
}

/** The permissions of a document; checks them as the EC2 API documents IpPermission, IpRange and Ipv6Range. */
export function readAws(text: string): { IpPermissions: IpPermission[]; IpPermissionsEgress: IpPermission[] } {
  const document = JSON.parse(text)
  const check = (isRight: boolean, what: unknown) => isRight || rejected(JSON.stringify(what))
  check(Object.keys(document).join() === 'Comments,IpPermissions,IpPermissionsEgress', Object.keys(document))
  for (const permission of [...document.IpPermissions, ...document.IpPermissionsEgress]) {
    const { IpProtocol, FromPort, ToPort, IpRanges = [], Ipv6Ranges = [], ...more } = permission
    check(Object.keys(more).length === 0 && ['tcp', 'udp'].includes(IpProtocol), permission)
    check(Number.isInteger(FromPort) && FromPort >= 0 && FromPort <= ToPort && ToPort <= 65_535, permission)
    for (const { CidrIp = '', CidrIpv6 = '', Description, ...others } of [...IpRanges, ...Ipv6Ranges]) {
      check(
        Object.keys(others).length === 0 && /^[a-zA-Z0-9. _\-:/()#,@[\]+=&;{}!$*]{0,255}$/.test(Description),
        Description,
      )
      const [address = '', bits = ''] = `${CidrIp}${CidrIpv6}`.split('/')
      check(CidrIp ? isIPv4(address) && Number(bits) <= 32 : isIPv6(address) && Number(bits) <= 128, permission)
    }
  }
  return document
}

/** The rules of a ruleset, each as one line; comments and the frame of the table are left out. */
export function readNftables(text: string): string[] {
  const frame =
    /^(add |delete )?table inet [A-Za-z]\w*( \{)?$|^ {2}chain (flows|input|forward|output) \{$|^ {4}type filter hook (input|forward|output) priority filter; policy accept;$|^ {4}jump flows$|^ *\}$/
  const set = (item: string) => `\\{ ${item}(, ${item})* \\}`
  const address = set('[0-9a-f.:/]+')
  const rule = new RegExp(
    `^    (ip|ip6) saddr ${address} (ip|ip6) daddr ${address} (tcp|udp) dport ${set('\\d+(-\\d+)?')} (accept|drop|reject with (tcp reset|icmpx port-unreachable))$`,
  )
  return readLines(text, /^ *#/, (line) => {
    if (frame.test(line)) return ''
    return rule.test(line) ? line.trim() : rejected(line)
  }).filter((line) => line !== '')
}
