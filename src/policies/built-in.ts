import { readFileSync } from 'node:fs'
import type { PolicyDocument } from '../domain/policy/policy.ts'
import { loadPolicy } from './load.ts'

const files = ['netwrix-endpoint-protector.yaml']

/** A policy and its text. */
interface BuiltIn {
  document: PolicyDocument
  source: string
}

/** The policies that Portwarden brings along, read and checked; throws an Error that names file and line if one is broken. */
export const readBuiltIns = (): BuiltIn[] => files.map(readPolicy)
export const builtInPolicies = (): PolicyDocument[] => readBuiltIns().map(({ document }) => document)

function readPolicy(file: string): BuiltIn {
  const source = readFileSync(new URL(file, import.meta.url), 'utf8')
  const checked = loadPolicy(source, 'yaml')
  if ('document' in checked) return { document: checked.document, source }
  const errors = checked.errors.map(({ line, pointer, message }) => `${file}:${line ?? 1}: ${pointer} ${message}`)
  throw new Error(errors.join('\n'))
}
