import { readFileSync } from 'node:fs'
import type { PolicyDocument } from '../domain/policy/policy.ts'
import { loadPolicy } from './load.ts'

/** The first one is that of `portwarden audit`. */
export const builtInNames = [
  'netwrix-endpoint-protector',
  'active-directory-client',
  'active-directory-domain-controller',
  'kubernetes-node',
  'management-ports-not-exposed',
  'pci-dss-insecure-services',
  'postgresql-server',
  'ssh-baseline',
  'tls-baseline',
]

/** A policy and its text. */
export interface BuiltIn {
  document: PolicyDocument
  source: string
}

/** The policies that Portwarden brings along, read and checked; throws an Error that names file and line if one is broken. */
export const readBuiltIns = (): BuiltIn[] => builtInNames.map((name) => readPolicy(`${name}.yaml`))
/** That policy; undefined where none has the name. */
export const findBuiltIn = (name: string): BuiltIn | undefined =>
  builtInNames.includes(name) ? readPolicy(`${name}.yaml`) : undefined
export const builtInPolicies = (): PolicyDocument[] => readBuiltIns().map(({ document }) => document)

function readPolicy(file: string): BuiltIn {
  const source = readFileSync(new URL(file, import.meta.url), 'utf8')
  const checked = loadPolicy(source, 'yaml')
  if ('document' in checked) return { document: checked.document, source }
  const errors = checked.errors.map(({ line, pointer, message }) => `${file}:${line ?? 1}: ${pointer} ${message}`)
  throw new Error(errors.join('\n'))
}
