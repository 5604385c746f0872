import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { getSystemErrorMessage } from 'node:util'
import type { ValidationIssue } from '../../domain/errors.ts'
import { parseParameterValue } from '../../domain/policy/parameters.ts'
import type { ParameterValue, PolicyDocument } from '../../domain/policy/policy.ts'
import { nearestName } from '../../domain/policy/shape.ts'
import { builtInNames, findBuiltIn } from '../../policies/built-in.ts'
import type { BaseReference } from '../../policies/extend.ts'
import { loadPolicy } from '../../policies/load.ts'
import { UsageError } from '../command.ts'
import type { Service } from '../connection/api.ts'
import { baseBeside, type FindBase } from './policy-base.ts'

export interface StoredPolicy {
  name: string
  version: number
  document: PolicyDocument
  /** Its YAML text; in no listing. */
  source?: string
}

/** Whether `--policy` names a file. */
export const isFile = (text: string) => /[/\\]|\.(ya?ml|json)$/i.test(text)

/** The stored policy of that name; the document of a file becomes its newest version where it differs. Throws UsageError. */
export async function findPolicy(service: Service, policy: string): Promise<StoredPolicy> {
  if (isFile(policy)) return putPolicyFile(service, policy)
  const found = await findStored(service, parseReference(policy))
  if (!found)
    throw new UsageError(
      `there is no policy ${policy}; a file is named with its ending, such as ./${parseReference(policy).name}.yaml`,
    )
  return found
}

/** A policy as `NAME` or `NAME@VERSION`. */
export function parseReference(text: string): BaseReference {
  const [, name = text, version] = /^(.*)@(\d+)$/.exec(text) ?? []
  return version === undefined ? { name } : { name, version: Number(version) }
}

function findStored(service: Service, { name, version }: BaseReference): Promise<StoredPolicy | undefined> {
  const path = `/v1/policies/${encodeURIComponent(name)}${version === undefined ? '' : `/versions/${version}`}`
  return service.find<StoredPolicy>(path)
}

/** Finds bases among the stored policies. */
export const storedBase =
  (service: Service): FindBase =>
  async (reference) => {
    const base = await findStored(service, reference)
    return base && { label: `${base.name}@${base.version}`, document: base.document }
  }

/** A document and its text. */
export interface PolicyText {
  document: PolicyDocument
  source: string
}

/** The policy of a file, or the built-in one of that name. Throws UsageError. */
export async function readPolicyText(text: string): Promise<PolicyText> {
  if (isFile(text)) return { document: await readDraft(text), source: await readPolicyFile(text) }
  const { name, version } = parseReference(text)
  const found = version === undefined ? findBuiltIn(name) : undefined
  if (found) return found
  const near = nearestName(name, builtInNames)
  const hint = near === undefined || near === name ? '' : ` Did you mean ${near}?`
  throw new UsageError(
    `there is no built-in policy ${text}; stored policies and their versions need --stored or --server.${hint}`,
  )
}

/** Stores the document of a file, resolved by the service that knows its base. Throws UsageError. */
export async function putPolicyFile(service: Service, file: string): Promise<StoredPolicy> {
  const { name } = await readDraft(file, storedBase(service))
  const path = `/v1/policies/${encodeURIComponent(name)}`
  return service.json(path, { method: 'PUT', body: await readPolicyFile(file), type: 'application/yaml' })
}

/** The document of a file. Throws UsageError with all that is not valid. */
export async function readDraft(file: string, findBase?: FindBase): Promise<PolicyDocument> {
  const checked = await checkPolicyFile(file, findBase)
  if ('document' in checked) return checked.document
  throw new UsageError(checked.errors.join('\n  '))
}

/** The document of a file, or its errors. Throws UsageError for an unreadable file. */
export async function checkPolicyFile(
  file: string,
  findBase: FindBase = baseBeside(file, readDraft),
): Promise<{ document: PolicyDocument } | { errors: string[] }> {
  const text = await readPolicyFile(file)
  let checked = loadPolicy(text, 'yaml')
  if ('missingBase' in checked && checked.missingBase) {
    const base = await findBase(checked.missingBase)
    if (base) checked = loadPolicy(text, 'yaml', base)
  }
  if (!('errors' in checked)) return checked
  return {
    errors: checked.errors.map(issueLine(file)),
  }
}

/** An issue of a file in one line. */
export const issueLine =
  (file: string) =>
  ({ pointer, line, message }: ValidationIssue): string =>
    `${file}${line === undefined ? '' : `:${line}`}: ${pointer === '' ? '' : `${pointer} `}${message}`

/** The text of a file with a policy, `-` is standard input; JSON is YAML, too. */
export async function readPolicyFile(file: string): Promise<string> {
  if (file === '-') return text(process.stdin)
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file}: ${getSystemErrorMessage(error.errno ?? 0)}`)
  })
}

/** The parameters of `--param key=value`, with the types of the policy. Throws UsageError. */
export function readParams(document: PolicyDocument, texts: readonly string[]): Record<string, ParameterValue> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      const name = at < 0 ? text : text.slice(0, at)
      const parameter = document.parameters?.[name]
      const known = Object.keys(document.parameters ?? {}).join(', ')
      if (!parameter || at < 0)
        throw new UsageError(`--param ${text}: write key=value; the keys of this policy are ${known}`)
      const parsed = parseParameterValue(parameter, text.slice(at + 1))
      if ('error' in parsed) throw new UsageError(`--param ${name}: ${parsed.error}`)
      return [name, parsed.value]
    }),
  )
}
