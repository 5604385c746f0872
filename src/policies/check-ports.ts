import type { ValidationIssue } from '../domain/errors.ts'
import { boundsOf, portsOf } from '../domain/policy/port-set.ts'
import { isRecord, issueAt } from '../domain/policy/shape.ts'
import type { ProtocolName } from '../domain/protocols/index.ts'
import type { Path } from '../encoding/json-pointer.ts'

const maxSetPorts = 1_024

/** What is wrong with the set of ports of a rule, and with what its expectations say of it; pointers start at the rule. */
export function checkPortSets(rule: Record<string, unknown>, probe: ProtocolName | undefined): ValidationIssue[] {
  const { ports, port } = rule
  const within = (part: unknown) => (isRecord(part) ? part.expect : undefined)
  return [
    ...(ports === undefined ? [] : checkSet(ports, { port, probe })),
    ...checkOnlyOpen(rule.expect, ports, ['expect']),
    ...checkOnlyOpen(within(rule.insideWindow), ports, ['insideWindow', 'expect']),
    ...checkOnlyOpen(within(rule.unlike), ports, ['unlike', 'expect']),
  ]
}

function checkSet(ports: unknown, { port, probe }: { port: unknown; probe: ProtocolName | undefined }) {
  if (probe !== undefined && probe !== 'tcp')
    return [issueAt(['ports'], `does not belong to probe ${probe}: it needs probe tcp`)]
  if (port !== undefined) return [issueAt(['ports'], 'does not go with `port`: give one of the two')]
  const issues = checkItems(ports, ['ports'])
  if (issues.length > 0 || !Array.isArray(ports)) return issues
  const count = portsOf(ports).length
  return count > maxSetPorts ? [issueAt(['ports'], `must have at most ${maxSetPorts} ports; these are ${count}`)] : []
}

/** Items with placeholders are known for a target only. */
const isLiteral = (item: unknown) => typeof item === 'number' || (typeof item === 'string' && !item.includes('${'))

function checkItems(items: unknown, path: Path): ValidationIssue[] {
  if (!Array.isArray(items)) return []
  const seen = new Set<number>()
  return items.flatMap((item, i) => {
    if (typeof item === 'string' && item.includes('${') && !/^\$\{\w+\}$/.test(item))
      return [issueAt([...path, i], 'must be a port, a range of numbers such as 8000-8100, or one placeholder')]
    if (!isLiteral(item)) return []
    const bounds = boundsOf(item)
    if (!bounds) return typeof item === 'string' ? [issueAt([...path, i], ascending)] : []
    const own = portsOf([item])
    const repeated = own.find((port) => seen.has(port))
    for (const port of own) seen.add(port)
    return repeated === undefined ? [] : [issueAt([...path, i], `must not repeat port ${repeated} of the list`)]
  })
}

const ascending = 'must be an ascending range of ports up to 65535, such as 49152-65535'

function checkOnlyOpen(expect: unknown, ports: unknown, path: Path): ValidationIssue[] {
  if (!isRecord(expect) || expect.onlyOpen === undefined) return []
  const { onlyOpen, state } = expect
  const own = [...path, 'onlyOpen']
  if (ports === undefined) return [issueAt(own, 'needs `ports`: the set in which nothing else may be open')]
  if (state !== undefined) return [issueAt(own, 'does not go with `state`: give one of the two')]
  const issues = checkItems(onlyOpen, own)
  if (issues.length > 0 || !Array.isArray(onlyOpen) || !Array.isArray(ports) || !ports.every(isLiteral)) return issues
  const set = new Set(portsOf(ports))
  return onlyOpen.flatMap((item, i) => {
    const outside = isLiteral(item) ? portsOf([item]).find((port) => !set.has(port)) : undefined
    return outside === undefined ? [] : [issueAt([...own, i], `must be among \`ports\`: ${outside} is not`)]
  })
}
