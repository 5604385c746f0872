import { Value } from 'typebox/value'
import { isPlainText } from '../../encoding/text.ts'
import { describeHost, isHost } from '../findings/endpoint.ts'
import { findProtocol } from '../protocols/index.ts'
import { holds, type ParameterValues, placeholderOf, placeholdersIn, substitute } from './placeholders.ts'
import {
  type Parameter,
  type ParameterValue,
  type PolicyDocument,
  type PolicyRule,
  type ResolvedRule,
  Rule,
} from './policy.ts'
import { portsOf, rangesOf } from './port-set.ts'
import { checkPlainLeaf, checkShape, type LeafCheck, nearestName } from './shape.ts'
import { CredentialRef, Pem, Port } from './values.ts'

/** The source of a value: audit or target. */
type Layer = 'audit' | 'target'
export type Layers = { [L in Layer]?: Readonly<Record<string, unknown>> }
export interface ParameterProblem {
  layer: Layer
  parameter: string
  message: string
}
export type Parameters = Readonly<Record<string, Parameter>>

/** A plain index would find `constructor`. */
export const findParameter = (parameters: Parameters, name: string): Parameter | undefined =>
  Object.hasOwn(parameters, name) ? parameters[name] : undefined

/** What would be right, in words that do not repeat the value; undefined when the value is right. */
export function checkParameterValue(parameter: Parameter, value: unknown): string | undefined {
  return isValueOf(parameter, value) ? undefined : `must be ${describeParameter(parameter)}`
}

function isValueOf(parameter: Parameter, value: unknown): boolean {
  switch (parameter.type) {
    case 'port':
      return Value.Check(Port, value)
    case 'host':
      return typeof value === 'string' && isHost(value)
    case 'integer':
      return Number.isSafeInteger(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'text':
      return typeof value === 'string' && value.length > 0 && value.length <= 10_000 && isPlainText(value)
    case 'choice':
      return typeof value === 'string' && (parameter.values ?? []).includes(value)
    case 'pem':
      return Value.Check(Pem, value) && !value.includes('PRIVATE KEY') && isPlainText(value)
    case 'credential':
      return Value.Check(CredentialRef, value) && isPlainText(value)
  }
}

/** What a parameter accepts, in words that follow "must be". */
export function describeParameter({ type, values = [] }: Parameter): string {
  const words = {
    port: 'a port from 1 to 65535',
    host: describeHost,
    integer: 'a whole number',
    boolean: 'true or false',
    text: 'text of 1 to 10000 characters without control characters',
    choice: `one of ${values.join(', ')}`,
    pem: 'PEM certificates (-----BEGIN CERTIFICATE-----, base64, -----END CERTIFICATE-----) and no private key',
    credential: 'a reference to a credential (env:NAME or file:/PATH), never the credential itself',
  }
  return words[type]
}

/** Parses a value of the command line. */
export function parseParameterValue(parameter: Parameter, text: string): { value: ParameterValue } | { error: string } {
  const value = typedValue(parameter, text)
  const error = checkParameterValue(parameter, value)
  return error === undefined ? { value } : { error }
}

function typedValue({ type }: Parameter, text: string): ParameterValue {
  if ((type === 'port' || type === 'integer') && /^-?\d+$/.test(text)) return Number(text)
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  return text
}

/**
 * The parameters of a checked policy for one target: the audit's value, else the target's, else the policy's default. With
 * these values every rule that applies resolves to a valid one; all errors are returned together.
 */
export function resolveParameters(
  document: PolicyDocument,
  layers: Layers,
): { values: ParameterValues } | { errors: ParameterProblem[] } {
  const parameters = document.parameters ?? {}
  const values = Object.fromEntries(
    Object.keys(parameters).map((name) => [name, findValue(parameters, layers, name)]),
  ) as ParameterValues
  const errors = [
    ...unknownNames(parameters, layers),
    ...wrongTypes(parameters, layers),
    ...missingValues(parameters, values),
  ]
  if (errors.length > 0) return { errors }
  const schemaIssues = document.rules.flatMap((rule) => violationsIn(rule, parameters, { layers, values }))
  return schemaIssues.length > 0 ? { errors: schemaIssues } : { values }
}

/**
 * The rule for one target, or `notapplicable` while `when` is not met. Expects a checked policy and the values of
 * `resolveParameters`. Comparisons become booleans; without `host` the target's address is meant. A condition that only a newer
 * version knows stays in the rule, so that the judge refuses it.
 */
export function resolveRule(rule: PolicyRule, values: ParameterValues): ResolvedRule | 'notapplicable' {
  const { when, port = portsOf(rule.ports)[0] ?? findProtocol(rule.probe)?.defaultPort, ...claim } = rule
  const resolve = (more?: object) => {
    const resolved = substitute({ ...claim, port, ...more }, values) as ResolvedRule
    const { ports } = resolved
    return ports ? { ...resolved, ports: rangesOf(portsOf(ports)), port: portsOf(ports)[0] ?? resolved.port } : resolved
  }
  if (when !== undefined && !Value.Check(Rule.properties.when, when)) return resolve({ when: 'unknown' })
  return holds(when, values) ? resolve() : 'notapplicable'
}

/** The parameter and the layer that a value comes from, at the end of its chain of defaults; none when it is the policy's own. */
function sourceOf(parameters: Parameters, layers: Layers, name: string): { layer?: Layer; parameter: string } {
  for (const layer of ['audit', 'target'] as const) {
    const given = layers[layer]
    if (given && Object.hasOwn(given, name) && given[name] !== undefined) return { layer, parameter: name }
  }
  const next = placeholderOf(parameters[name]?.default)
  return next === undefined ? { parameter: name } : sourceOf(parameters, layers, next)
}

function findValue(parameters: Parameters, layers: Layers, name: string): unknown {
  const { layer, parameter } = sourceOf(parameters, layers, name)
  return layer ? layers[layer]?.[parameter] : parameters[parameter]?.default
}

// A target keeps the parameters of several policies, so only another spelling of a name is an error; an audit names one policy.
function unknownNames(parameters: Parameters, { audit = {}, target = {} }: Layers): ParameterProblem[] {
  const known = Object.keys(parameters)
  const unknownIn = (given: object) => Object.keys(given).filter((name) => !findParameter(parameters, name))
  const problem = (layer: Layer, parameter: string, hint: string) => ({
    layer,
    parameter,
    message: `is no parameter of this policy: ${hint}`,
  })
  return [
    ...unknownIn(audit).map((name) => {
      const near = nearestName(name, known)
      return problem('audit', name, near ? `did you mean \`${near}\`?` : `it has ${known.join(', ') || 'none'}`)
    }),
    ...unknownIn(target).flatMap((name) => {
      const meant = known.find((other) => lettersOf(other) === lettersOf(name))
      return meant ? [problem('target', name, `did you mean \`${meant}\`?`)] : []
    }),
  ]
}

const lettersOf = (name: string) => name.replaceAll(/[-_.\s]/g, '').toLowerCase()

function wrongTypes(parameters: Parameters, layers: Layers): ParameterProblem[] {
  return (['audit', 'target'] as const).flatMap((layer) =>
    Object.entries(layers[layer] ?? {}).flatMap(([name, value]) => {
      const parameter = findParameter(parameters, name)
      const message = parameter && value !== undefined ? checkParameterValue(parameter, value) : undefined
      return message === undefined ? [] : [{ layer, parameter: name, message }]
    }),
  )
}

function missingValues(parameters: Parameters, values: ParameterValues): ParameterProblem[] {
  const missing = Object.keys(parameters).filter((name) => parameters[name]?.required && values[name] === undefined)
  return missing.map((parameter) => ({
    layer: 'audit',
    parameter,
    message: 'is required: give it with the audit, or with the target',
  }))
}

/** Values of the right type that a rule cannot use all the same, such as 99999 for the least number of days left. */
function violationsIn(
  rule: PolicyRule,
  parameters: Parameters,
  { layers, values }: { layers: Layers; values: ParameterValues },
): ParameterProblem[] {
  if (!holds(rule.when, values)) return []
  const schemaIssues: ParameterProblem[] = []
  const checkLeaf: LeafCheck = (leaf) => {
    const names = typeof leaf.value === 'string' ? placeholdersIn(leaf.value) : []
    const value = substitute(leaf.value, values)
    if (names.length === 0 || value === undefined) return []
    const problem = checkPlainLeaf({ ...leaf, value })[0]
    const source = names.map((name) => sourceOf(parameters, layers, name)).find(({ layer }) => layer)
    if (problem && source?.layer) {
      const message = `${problem.message}, for rule ${rule.id} uses it at ${leaf.path.join('/')}`
      schemaIssues.push({ layer: source.layer, parameter: source.parameter, message })
    }
    return []
  }
  checkShape(Rule, rule, checkLeaf)
  return schemaIssues
}
