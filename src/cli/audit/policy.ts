import { readFile } from 'node:fs/promises'
import { getSystemErrorMessage } from 'node:util'
import { parseParameterValue } from '../../domain/policy/parameters.ts'
import type { ParameterValue, PolicyDocument } from '../../domain/policy/policy.ts'
import { loadPolicy } from '../../policies/load.ts'
import { UsageError } from '../command.ts'
import type { Service } from '../connection/api.ts'

export interface StoredPolicy {
  name: string
  version: number
  document: PolicyDocument
}

/** Whether `--policy` names a file. */
export const isFile = (text: string) => /[/\\]|\.(ya?ml|json)$/i.test(text)

/** The stored policy of that name; the document of a file becomes its newest version where it differs. Throws UsageError. */
export async function findPolicy(service: Service, policy: string): Promise<StoredPolicy> {
  if (isFile(policy)) return putPolicyFile(service, policy)
  const [, name = policy, version] = /^(.*)@(\d+)$/.exec(policy) ?? []
  const path = `/v1/policies/${encodeURIComponent(name)}${version === undefined ? '' : `/versions/${version}`}`
  const found = await service.find<StoredPolicy>(path)
  if (!found)
    throw new UsageError(`there is no policy ${policy}; a file is named with its ending, such as ./${name}.yaml`)
  return found
}

/** Stores the document of a file. Throws UsageError. */
export async function putPolicyFile(service: Service, file: string): Promise<StoredPolicy> {
  const { name } = await readDraft(file)
  const path = `/v1/policies/${encodeURIComponent(name)}`
  return service.json(path, { method: 'PUT', body: await readPolicyFile(file), type: 'application/yaml' })
}

/** The document of a file. Throws UsageError with all that is not valid. */
export async function readDraft(file: string): Promise<PolicyDocument> {
  const checked = await checkPolicyFile(file)
  if ('document' in checked) return checked.document
  throw new UsageError(checked.errors.join('\n  '))
}

/** The document of a file, or a line for each error. Throws UsageError for a file that cannot be read. */
export async function checkPolicyFile(file: string): Promise<{ document: PolicyDocument } | { errors: string[] }> {
  const checked = loadPolicy(await readPolicyFile(file), 'yaml')
  if (!('errors' in checked)) return checked
  const errors: readonly { pointer: string; line?: number; message: string }[] = checked.errors
  return {
    errors: errors.map(
      ({ pointer, line, message }) =>
        `${file}${line === undefined ? '' : `:${line}`}: ${pointer === '' ? '' : `${pointer} `}${message}`,
    ),
  }
}

/** The text of a file with a policy; JSON is YAML, too. */
export async function readPolicyFile(file: string): Promise<string> {
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
