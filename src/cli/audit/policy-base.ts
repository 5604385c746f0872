import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import { findBuiltIn } from '../../policies/built-in.ts'
import type { Base, BaseReference } from '../../policies/extend.ts'
import { UsageError } from '../command.ts'

/** Finds a base; undefined where there is none. */
export type FindBase = (reference: BaseReference) => Promise<Base | undefined>

type ReadDraft = (file: string, findBase: FindBase) => Promise<PolicyDocument>

const maxChain = 10

/** Finds a base in NAME.yaml, NAME.yml or NAME.json beside the file, else among the built-in policies. Throws UsageError. */
export function baseBeside(file: string, read: ReadDraft, chain: readonly string[] = []): FindBase {
  const files = [...chain, resolve(file)]
  return async ({ name, version }) => {
    if (version !== undefined)
      throw new UsageError(
        `${file}: /extends names version ${version} of ${name}, and only a service has versions: store it there, or name no version`,
      )
    const beside = ['yaml', 'yml', 'json'].map((ending) => join(dirname(file), `${name}.${ending}`)).find(existsSync)
    if (beside === undefined) {
      const found = findBuiltIn(name)
      return found && { label: name, document: found.document }
    }
    if (files.includes(resolve(beside)))
      throw new UsageError(`${file}: /extends leads back to ${beside}: policies must not extend one another`)
    if (files.length === maxChain)
      throw new UsageError(
        `${file}: /extends is the ${maxChain}th in a row: at most ${maxChain - 1} files may extend one another`,
      )
    return { label: name, document: await read(beside, baseBeside(beside, read, files)) }
  }
}
