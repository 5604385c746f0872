import { stringify } from 'yaml'
import type { Shape } from '../domain/policy/shape.ts'
import { policySchema } from './schema.ts'

/** A document as YAML, with its fields in the order of the schema: the database keeps no order. */
export const writeYaml = (document: unknown): string =>
  stringify(inOrder(document, policySchema as Shape), { lineWidth: 120 })

function inOrder(value: unknown, shape: Shape | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => inOrder(item, shape?.items))
  if (typeof value !== 'object' || value === null) return value
  const names = Object.keys(shape?.properties ?? {})
  const positionOf = (name: string) => (names.includes(name) ? names.indexOf(name) : names.length)
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => positionOf(a) - positionOf(b))
      .map(([name, member]) => [name, inOrder(member, shape?.properties?.[name])]),
  )
}
