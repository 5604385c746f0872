import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { parseParameterValue } from '../../domain/policy/parameters.ts'
import type { ParameterValue, PolicyDocument } from '../../domain/policy/policy.ts'
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

/** Stores the document of a file. */
export async function putPolicyFile(service: Service, file: string): Promise<StoredPolicy> {
  const body = await readPolicyFile(file)
  const name = nameOf(body)
  if (name === undefined) throw new UsageError(`${file}: must have the name of the policy in its field name`)
  const path = `/v1/policies/${encodeURIComponent(name)}`
  return service.json(path, { method: 'PUT', body, type: 'application/yaml' })
}

/** The text of a file with a policy; JSON is YAML, too. */
export async function readPolicyFile(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageError(error.message)
  })
}

function nameOf(text: string): string | undefined {
  try {
    const { name } = parse(text, { maxAliasCount: 0 })
    return typeof name === 'string' ? name : undefined
  } catch {
    return undefined // the service says what is wrong where it knows the name
  }
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
