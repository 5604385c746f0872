import { X509Certificate } from 'node:crypto'
import type { ValidationIssue } from '../domain/errors.ts'
import { checkParameterValue, describeParameter, findParameter, type Parameters } from '../domain/policy/parameters.ts'
import { placeholderOf } from '../domain/policy/placeholders.ts'
import type { Parameter, ParameterType, ParameterValue } from '../domain/policy/policy.ts'
import { issueAt, nearestName } from '../domain/policy/shape.ts'

/** What is wrong with the parameters of a policy beyond their shape; pointers start at the parameters. */
export function checkParameters(parameters: Parameters): ValidationIssue[] {
  return Object.entries(parameters).flatMap(([name, parameter]) => [
    ...checkValues(name, parameter),
    ...checkDefault(name, parameters),
  ])
}

function checkValues(name: string, { type, values }: Parameter): ValidationIssue[] {
  if (type === 'choice' && !values) return [issueAt([name, 'values'], 'is missing: a choice needs its values')]
  if (type !== 'choice' && values) {
    return [issueAt([name, 'values'], `belongs to type choice only; this is of type ${type}`)]
  }
  return []
}

function checkDefault(name: string, parameters: Parameters): ValidationIssue[] {
  const parameter = parameters[name]
  const value = parameter?.default
  if (!parameter || value === undefined) return []
  const path = [name, 'default']
  if (parameter.required) return [issueAt(path, 'contradicts `required`: give one of the two')]
  const source = placeholderOf(value)
  const message = source === undefined ? checkLiteral(parameter, value) : checkChain(name, source, parameters)
  return message === undefined ? [] : [issueAt(path, message)]
}

function checkLiteral(parameter: Parameter, value: ParameterValue): string | undefined {
  if (typeof value === 'string' && value.includes('${')) return 'must be a value, or one placeholder and nothing else'
  return checkParameterValue(parameter, value) ?? (parameter.type === 'pem' ? checkCertificates(value) : undefined)
}

/** Checks a default that is another parameter: it is there, of the right type, and does not lead back here. */
function checkChain(name: string, source: string, parameters: Parameters): string | undefined {
  const [parameter, other] = [parameters[name], findParameter(parameters, source)]
  if (!parameter || !other) return explainUnknownParameter(source, parameters)
  const chain = chainOf(name, parameters)
  if (placeholderOf(parameters[chain.at(-1) ?? '']?.default) === name) {
    return `leads back to itself: ${[...chain, name].join(' → ')}`
  }
  const fits = (sample: ParameterValue) => checkParameterValue(parameter, sample) === undefined
  if (samplesOf(source, parameters).every(fits)) return undefined
  return `must be ${describeParameter(parameter)}; \${${source}} is ${nameType(other)}`
}

/** The message for an unknown parameter, with the nearest name. */
export function explainUnknownParameter(name: string, parameters: Parameters): string {
  const near = nearestName(name, Object.keys(parameters))
  return `names no parameter of this policy: \${${name}}${near ? `; did you mean \${${near}}?` : ''}`
}

/** True when a parameter has a value for each target: it, or one that it defaults to, is required or has a value. */
export const alwaysHasValue = (name: string, parameters: Parameters): boolean =>
  defaultOf(name, parameters).length > 0 || chainOf(name, parameters).some((link) => parameters[link]?.required)

/** Values at the edges of what a parameter accepts, its default included: where all of them fit, others mostly do. */
export function samplesOf(name: string, parameters: Parameters): ParameterValue[] {
  const { type, values = [] }: Partial<Parameter> = findParameter(parameters, name) ?? {}
  const samples: Record<ParameterType, ParameterValue[]> = {
    port: [1, 65535],
    host: ['host.example'],
    integer: [0],
    boolean: [true, false],
    text: ['any text'],
    choice: values,
    pem: ['-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----'],
    credential: ['env:NAME'],
  }
  return [...(type ? samples[type] : []), ...defaultOf(name, parameters)]
}

/** The value at the end of a chain of defaults. */
export function defaultOf(name: string, parameters: Parameters): ParameterValue[] {
  const last = parameters[chainOf(name, parameters).at(-1) ?? '']?.default
  return last === undefined || placeholderOf(last) !== undefined ? [] : [last]
}

/** The chain of defaults of a parameter, without repetition. */
function chainOf(name: string, parameters: Parameters): string[] {
  const chain: string[] = []
  let next: string | undefined = name
  while (next !== undefined && findParameter(parameters, next) && !chain.includes(next)) {
    chain.push(next)
    next = placeholderOf(parameters[next]?.default)
  }
  return chain
}

/** The type of a parameter with its article: "a host". */
export function nameType(parameter: Parameter | undefined): string {
  if (!parameter) return 'unknown'
  const { type, values = [] } = parameter
  const names: Record<ParameterType, string> = {
    port: 'a port',
    host: 'a host',
    integer: 'an integer',
    boolean: 'a boolean',
    text: 'text',
    choice: `a choice of ${values.join(', ')}`,
    pem: 'a PEM text',
    credential: 'a credential reference',
  }
  return names[type]
}

/** Returns which certificate of a PEM text cannot be read. */
export function checkCertificates(pem: unknown): string | undefined {
  const blocks = String(pem).match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  const broken = blocks.findIndex((block) => !isReadable(block))
  return broken < 0 ? undefined : `must hold readable certificates: number ${broken + 1} of ${blocks.length} is not`
}

function isReadable(block: string): boolean {
  try {
    return new X509Certificate(block).raw.length > 0
  } catch {
    return false
  }
}
