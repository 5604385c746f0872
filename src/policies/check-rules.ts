import { isIP } from 'node:net'
import { Value } from 'typebox/value'
import type { ValidationIssue } from '../domain/errors.ts'
import { familyOf } from '../domain/findings/counted-addresses.ts'
import { describeHost, isHost } from '../domain/findings/endpoint.ts'
import type { State } from '../domain/findings/state.ts'
import { checkParameterValue, findParameter, type Parameters } from '../domain/policy/parameters.ts'
import {
  comparedWith,
  hasBrokenPlaceholder,
  isComparison,
  placeholderOf,
  placeholdersIn,
  substitute,
} from '../domain/policy/placeholders.ts'
import { literalFields, type ParameterValue } from '../domain/policy/policy.ts'
import { conflictingOptions } from '../domain/policy/probe-options.ts'
import { checkPlainLeaf, describeShape, isRecord, issueAt, type Leaf, under } from '../domain/policy/shape.ts'
import { Port } from '../domain/policy/values.ts'
import {
  anyProtocols,
  type GroupName,
  groupNames,
  type ProtocolName,
  protocolNames,
  protocols,
  transportsOf,
} from '../domain/protocols/index.ts'
import type { Path } from '../encoding/json-pointer.ts'
import {
  alwaysHasValue,
  checkCertificates,
  defaultOf,
  explainUnknownParameter,
  nameType,
  samplesOf,
} from './check-parameters.ts'
import { checkPortSets } from './check-ports.ts'

/** What one value of a rule is checked with; the path of the leaf begins at the rule. */
interface RuleContext {
  parameters: Parameters
  /** The parameters in `when`, which the rule may rely on. */
  guarded: ReadonlySet<string>
}

/** The parameters that have values where the rule applies. */
export function guardedBy(rule: unknown): ReadonlySet<string> {
  const when = isRecord(rule) ? rule.when : undefined
  return new Set([when].flat().flatMap(sidesOf).flatMap(placeholdersOf))
}

const placeholdersOf = (value: unknown): string[] => (typeof value === 'string' ? placeholdersIn(value) : [])

const sidesOf = (condition: unknown): unknown[] =>
  isComparison(condition) ? [condition.value, comparedWith(condition)] : [condition]

/** Checks one value of a rule as written: by its schema, and with every value that its placeholders may take. */
export function checkRuleLeaf(leaf: Leaf, context: RuleContext): ValidationIssue[] {
  const { value, path } = leaf
  if (typeof value === 'string' && value.includes('${')) return issue(path, explainPlaceholders(leaf, context))
  const issues = checkPlainLeaf(leaf)
  if (issues.length > 0) return issues
  if (typeof value === 'object') return [value].flat().flatMap((condition) => checkCondition(leaf, condition, context))
  if (isHostField(path)) return issue(path, isHost(String(value)) ? undefined : `must be ${describeHost}`)
  if (path.at(-1) === 'trustedCa') return issue(path, checkCertificates(value))
  return []
}

const issue = (path: Path, message: string | undefined): ValidationIssue[] =>
  message === undefined ? [] : [issueAt(path, message)]
const isHostField = (path: Path) => path.length === 1 && path[0] === 'host'
const isPortField = (path: Path) => path[0] === 'port' || path[0] === 'ports' || path.at(-2) === 'onlyOpen'
const isLiteralField = (path: Path) =>
  literalFields.some((field) => field === path[0]) || (path[0] === 'unlike' && path[1] === 'from')
const isCondition = (path: Path) => path[0] === 'when'

/** What is wrong with a text that holds placeholders. */
function explainPlaceholders(leaf: Leaf, context: RuleContext): string | undefined {
  const { shape, path } = leaf
  const text = String(leaf.value)
  if (isLiteralField(path))
    return `must be ${describeShape(shape)}, and no placeholder: it is the same for every target`
  const named = explainNames(text, context)
  if (named !== undefined) return named
  const whole = placeholderOf(text)
  const needed = leaf.required || whole === undefined || isHostField(path) || isPortField(path)
  const missing = needed && !isCondition(path) ? explainMissing(text, context) : undefined
  return missing ?? explainFilling(leaf, context.parameters)
}

function explainNames(text: string, { parameters }: RuleContext): string | undefined {
  if (hasBrokenPlaceholder(text)) return `holds a broken placeholder: write \${name}, with letters and digits only`
  const unknown = placeholdersIn(text).find((name) => !findParameter(parameters, name))
  return unknown === undefined ? undefined : explainUnknownParameter(unknown, parameters)
}

function explainMissing(text: string, { parameters, guarded }: RuleContext): string | undefined {
  const missing = placeholdersIn(text).find((name) => !guarded.has(name) && !alwaysHasValue(name, parameters))
  if (missing === undefined) return undefined
  return `needs a value, and \${${missing}} may have none: give it a default, make it required, or ask for it in \`when\``
}

/** Checks a text with the possible values of its placeholders. */
function explainFilling({ shape, path, value }: Leaf, parameters: Parameters): string | undefined {
  const names = placeholdersIn(String(value))
  // Text values are checked once they are known.
  const anyForm = shape.type === 'string' && !isHostField(path)
  const choices = names.map((name) =>
    anyForm && findParameter(parameters, name)?.type === 'text'
      ? defaultOf(name, parameters)
      : samplesOf(name, parameters),
  )
  if (choices.some((values) => values.length === 0)) return undefined
  const fillings = Array.from({ length: Math.max(...choices.map((values) => values.length)) }, (_, turn) =>
    substitute(value, Object.fromEntries(names.map((name, index) => [name, inTurn(choices[index], turn)]))),
  )
  const fits = (filled: unknown) => Value.Check(shape, filled) && (!isHostField(path) || isHost(String(filled)))
  if (fillings.every(fits)) return undefined
  const types = names.map((name) => `; \${${name}} is ${nameType(findParameter(parameters, name))}`)
  return `must be ${isHostField(path) ? describeHost : describeShape(shape)}${types.join('')}`
}

const inTurn = (values: ParameterValue[] = [], turn: number) => values[turn % values.length]

/** Checks placeholders, and that both sides can be equal. */
function checkCondition({ path }: Leaf, condition: unknown, context: RuleContext): ValidationIssue[] {
  const sides = sidesOf(condition).filter((side) => typeof side === 'string' && side.includes('${')) as string[]
  const named = sides.map((side) => explainNames(side, context)).find((message) => message !== undefined)
  if (named !== undefined) return issue(path, named)
  const missing = isCondition(path) ? [] : sides.map((side) => explainMissing(side, context))
  const message = missing.find((text) => text !== undefined)
  return issue(path, message ?? (isComparison(condition) ? explainComparison(sidesOf(condition), context) : undefined))
}

function explainComparison(sides: unknown[], { parameters }: RuleContext): string | undefined {
  for (const [side, other] of [sides, sides.toReversed()]) {
    const parameter = findParameter(parameters, placeholderOf(side) ?? '')
    const counterpart = findParameter(parameters, placeholderOf(other) ?? '')
    if (!parameter || (typeof other === 'string' && other.includes('${') && !counterpart)) continue
    const values = counterpart ? samplesOf(String(placeholderOf(other)), parameters) : [other]
    if (values.every((value) => checkParameterValue(parameter, value) !== undefined)) {
      return `can never be equal: ${side} is ${nameType(parameter)}${counterpart ? `, ${other} is ${nameType(counterpart)}` : ''}`
    }
  }
  return undefined
}

/** What is wrong between the parts of a rule; a part that has no shape is passed over. Pointers start at the rule. */
export function checkRuleMeaning(rule: unknown): ValidationIssue[] {
  if (!isRecord(rule)) return []
  const probe = protocolNames.find((name) => name === rule.probe)
  const within = isRecord(rule.insideWindow) ? rule.insideWindow.expect : undefined
  return [
    ...checkPort(rule, probe),
    ...checkPortSets(rule, probe),
    ...checkFamilies(rule),
    ...checkTransport(rule, probe),
    ...checkExpectation(rule.expect, probe, ['expect']),
    ...checkExpectation(within, probe, ['insideWindow', 'expect']),
    ...checkBothProbed(rule.expect, within, probe),
    ...checkPair(rule, probe),
  ]
}

function checkPort({ port, ports }: Record<string, unknown>, probe: ProtocolName | undefined): ValidationIssue[] {
  if (port !== undefined || ports !== undefined || !probe || anyProtocols[probe].defaultPort !== undefined) return []
  return issue(['port'], `is missing: must be ${describeShape(Port)}, since probe ${probe} has no default port`)
}

function checkFamilies({ host, families }: Record<string, unknown>): ValidationIssue[] {
  if (typeof host !== 'string' || isIP(host) === 0 || !Array.isArray(families)) return []
  const family = familyOf(host)
  const isPossible = families.some((item) => item === family || placeholdersOf(item).length > 0)
  return isPossible ? [] : issue(['families'], `must have ${family}: no other address of ${host} can count`)
}

function checkTransport({ transport }: Record<string, unknown>, probe: ProtocolName | undefined): ValidationIssue[] {
  if (transport === undefined || !probe) return []
  const possible = transportsOf(probe)
  if (possible.some((one) => one === transport)) return []
  return issue(['transport'], `must be ${possible.join(' or ')}, which carries probe ${probe}`)
}

function checkPair({ unlike, ...rule }: Record<string, unknown>, probe: ProtocolName | undefined): ValidationIssue[] {
  if (!isRecord(unlike)) return []
  const from = [rule.from].flat()
  const both = [unlike.from].flat().findIndex((zone) => zone !== undefined && from.includes(zone))
  return [
    ...checkExpectation(unlike.expect, probe, ['unlike', 'expect']),
    ...(both < 0 ? [] : issue(['unlike', 'from', both], 'must not be a zone of `from`: the two sides are compared')),
    ...(['insideWindow', 'indirect'] as const)
      .filter((field) => rule[field] !== undefined && rule[field] !== false)
      .flatMap((field) => issue([field], 'does not go with `unlike`: a paired verdict needs both sides as they are')),
  ]
}

/** One observation serves both expectations, since a window can open or end at any time. */
function checkBothProbed(outside: unknown, inside: unknown, probe: ProtocolName | undefined): ValidationIssue[] {
  if (!probe || !isRecord(outside) || !isRecord(inside)) return []
  return conflictingOptions(probe, outside, inside).map((option) =>
    issueAt(
      ['insideWindow', 'expect'],
      `must have the same \`${option === 'plainHttp' ? 'plainServed' : option}\` as \`expect\`: one observation serves both`,
    ),
  )
}

function checkExpectation(expect: unknown, probe: ProtocolName | undefined, path: Path): ValidationIssue[] {
  if (!isRecord(expect) || !probe) return []
  return [...checkSilence(expect, path), ...checkGroups(expect, probe, path)]
}

const mayAllow = (state: unknown, wanted: State): boolean =>
  Array.isArray(state) ? state.some((item) => item === wanted || placeholdersOf(item).length > 0) : wanted === 'open'

function checkSilence({ state, hostAnswered, onlyOpen }: Record<string, unknown>, path: Path): ValidationIssue[] {
  if (hostAnswered === undefined || onlyOpen !== undefined || mayAllow(state, 'filtered')) return []
  return issue([...path, 'hostAnswered'], 'concerns silent ports only, and `state` does not allow filtered')
}

function checkGroups(expect: Record<string, unknown>, probe: ProtocolName, path: Path): ValidationIssue[] {
  const closed = !mayAllow(expect.state, 'open')
  return groupNames
    .filter((name) => expect[name] !== undefined)
    .flatMap((name) => {
      const group = anyProtocols[probe].expects[name]
      const groupPath = [...path, name]
      if (!group) return issue(groupPath, `does not belong to probe ${probe}: it needs probe ${protocolsWith(name)}`)
      if (closed) return issue(groupPath, 'can be seen on an open port only, and `state` does not allow open')
      const demand = expect[name]
      return isRecord(demand) ? (group.contradictions?.(demand, expect) ?? []).map(under(groupPath)) : []
    })
}

const protocolsWith = (group: GroupName) =>
  protocolNames.filter((name) => group in protocols[name].expects).join(' or ')
