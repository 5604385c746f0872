import type { FastifyError } from 'fastify'
import type { ValidationIssue } from '../../domain/errors.ts'
import { pointerTo } from '../../encoding/json-pointer.ts'
import { plusIssue } from '../listing/rfc3339.ts'

/** Issues that a response lists. */
export const maxIssues = 20

/** An error of Ajv. */
export type SchemaError = NonNullable<FastifyError['validation']>[number]

/** Turns errors of Ajv into one issue per value. */
export const issuesOf = (errors: readonly SchemaError[]): ValidationIssue[] =>
  joinTypes(mostSpecific(ofBestBranches(errors)))
    .slice(0, maxIssues)
    .map((error) => {
      const { instancePath, keyword, params, message = 'is not valid' } = error
      if (keyword === 'required')
        return { pointer: instancePath + pointerTo([String(params.missingProperty)]), message: 'is required' }
      if (keyword === 'additionalProperties') {
        const pointer = instancePath + pointerTo([String(params.additionalProperty)])
        return { pointer, message: 'is not a known field' }
      }
      const plus =
        keyword === 'format' && params.format === 'date-time'
          ? plusIssue(String((error as { data?: unknown }).data))
          : undefined
      if (plus) return { pointer: instancePath, message: plus }
      const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : ''
      return { pointer: instancePath, message: `${message}${allowed}${exampleOf(error)}` }
    })

/** A valid example for a pattern or a format. */
function exampleOf(error: SchemaError): string {
  const { parentSchema } = error as { parentSchema?: { examples?: unknown[] } }
  const [example] = parentSchema?.examples ?? []
  return example !== undefined && ['pattern', 'format'].includes(error.keyword) ? `, for example ${example}` : ''
}

/** Joins type errors: "must be string or null". */
function joinTypes(errors: readonly SchemaError[]): SchemaError[] {
  const isType = ({ keyword }: SchemaError) => keyword === 'type'
  const typesAt = Map.groupBy(errors.filter(isType), ({ instancePath }) => instancePath)
  return errors.flatMap((error) => {
    if (!isType(error)) return [error]
    const types = typesAt.get(error.instancePath) ?? []
    const message = `must be ${types.map(({ params }) => params.type).join(' or ')}`
    return types[0] === error ? [{ ...error, message }] : []
  })
}

/** Drops errors of union branches of another type. */
function mostSpecific(all: readonly SchemaError[]): readonly SchemaError[] {
  /** Values that another error explains. */
  const explained = new Set<string>()
  for (const { keyword, instancePath } of all) {
    const steps = instancePath.split('/')
    if (keyword === 'type' || keyword === 'anyOf') steps.pop()
    for (; steps.length > 0; steps.pop()) explained.add(steps.join('/'))
  }
  return all.filter(({ keyword, schemaPath, instancePath }) => {
    if (keyword === 'anyOf') return all.length === 1
    return keyword !== 'type' || !schemaPath.includes('/anyOf/') || !explained.has(instancePath)
  })
}

/** Of a value that fits no object of a union, keeps the errors of the object that it is nearest to. */
function ofBestBranches(all: readonly SchemaError[]): readonly SchemaError[] {
  return all
    .filter(({ keyword }) => keyword === 'anyOf')
    .reduce<readonly SchemaError[]>((errors, { instancePath, schemaPath }) => {
      const branchOf = (error: SchemaError) =>
        error.instancePath.startsWith(instancePath) && error.schemaPath.startsWith(`${schemaPath}/`)
          ? error.schemaPath.slice(schemaPath.length + 1).split('/')[0]
          : undefined
      const isOther = (error: SchemaError) => error.keyword === 'type' && error.instancePath === instancePath
      const within = errors.filter((error) => branchOf(error) !== undefined)
      const other = new Set(within.filter(isOther).map(branchOf))
      const counts = Object.entries(Object.groupBy(within, (error) => branchOf(error) ?? ''))
        .filter(([branch]) => !other.has(branch))
        .map(([branch, errors = []]) => ({ branch, count: errors.length }))
      if (counts.length < 2) return errors
      const best = counts.reduce((least, one) => (one.count < least.count ? one : least)).branch
      return errors.filter((error) => [undefined, best].includes(branchOf(error)) || other.has(branchOf(error)))
    }, all)
}
