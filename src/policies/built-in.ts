import { readFileSync } from 'node:fs'
import type { PolicyDocument } from '../domain/policy/policy.ts'
import { loadPolicy } from './load.ts'

const files = ['netwrix-endpoint-protector.yaml']

/** The policies that Portwarden brings along, read and checked; throws an Error that names file and line if one is broken. */
export const builtInPolicies = (): PolicyDocument[] => files.map(readPolicy)

function readPolicy(file: string): PolicyDocument {
  const checked = loadPolicy(readFileSync(new URL(file, import.meta.url), 'utf8'), 'yaml')
  if ('document' in checked) return checked.document
  const errors = checked.errors.map(({ line, pointer, message }) => `${file}:${line ?? 1}: ${pointer} ${message}`)
  throw new Error(errors.join('\n'))
}
