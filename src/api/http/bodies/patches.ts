import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import { RefusedError } from '../../../domain/errors.ts'
import { mergePatch } from '../../../encoding/merge-patch.ts'
import { issuesOf } from '../issues.ts'
import { schemaCompiler } from '../validation.ts'
import { isMergePatch, mergePatchType } from './strict-json.ts'

/** The media types of every PATCH, as the header `Accept-Patch` lists them (RFC 5789, section 3.1). */
export const patchTypes = `application/json, ${mergePatchType}`

/** Names the media types in every response of a path that has PATCH. */
export function advertisePatches(app: FastifyInstance): void {
  const patched = new Set<string>()
  app.addHook('onRoute', ({ url, method }) => {
    if ([method].flat().includes('PATCH')) patched.add(url)
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (patched.has(request.routeOptions.url ?? '')) reply.header('accept-patch', patchTypes)
    done()
  })
}

interface ObjectSchema {
  $id?: string
  properties: Record<string, object>
}

/**
 * The two bodies of a PATCH: `application/json`, whose fields replace the stored ones, and a merge patch (RFC 7396). `patch` is the
 * schema of the first, `complete` that of the changed fields, and `example` is a merge patch.
 */
export function describePatch(
  patch: TSchema & ObjectSchema,
  complete: TSchema & ObjectSchema & { required?: readonly string[] },
  example: object,
) {
  const needed = complete.required?.filter((name) => !Object.hasOwn(complete.properties[name] ?? {}, 'default'))
  const { minProperties: _, ...schema } = withNulls(patch, needed) as Record<string, unknown>
  const merge = {
    ...schema,
    $id: patch.$id?.replace(/Patch$/, 'MergePatch'),
    description: 'A JSON Merge Patch, RFC 7396: null removes a field or a member, an object changes members alone',
    examples: [example],
  }
  const check = schemaCompiler(false)(complete)
  return {
    body: { content: { 'application/json': { schema: patch }, [mergePatchType]: { schema: merge } } },
    /** The change that a request makes of fields; throws RefusedError where they are not valid afterwards. */
    changeOf<T extends object>({ body, headers }: Pick<FastifyRequest, 'body' | 'headers'>): (fields: T) => T {
      if (!isMergePatch({ headers })) return (fields) => ({ ...fields, ...(body as Partial<T>) })
      return (fields) => {
        const changed = mergePatch(fields, body)
        if (!check(changed)) throw new RefusedError(issuesOf(check.errors ?? []))
        return changed as T
      }
    },
  }
}

/** The schema of merge patches of values of a schema: members may be left out, and be null unless they are required. */
function withNulls(schema: object, required: readonly string[] = []): object {
  const { $id: _, required: own = [], ...rest } = schema as Record<string, unknown> & { required?: string[] }
  const members = (of: unknown, needed: readonly string[]) =>
    Object.fromEntries(
      Object.entries(of as Record<string, object>).map(([name, member]) => {
        const changed = withNulls(member)
        return [name, needed.includes(name) ? changed : orNull(changed)]
      }),
    )
  const needed = required.length > 0 ? required : own
  return {
    ...rest,
    ...('properties' in rest && { properties: members(rest.properties, needed) }),
    ...('patternProperties' in rest && { patternProperties: members(rest.patternProperties, []) }),
    ...(Array.isArray(rest.anyOf) && { anyOf: rest.anyOf.map((one: object) => withNulls(one)) }),
  }
}

function orNull(schema: object): object {
  const { description, examples, default: _, ...rest } = schema as Record<string, unknown>
  const union = Array.isArray(rest.anyOf) ? (rest.anyOf as { type?: string }[]) : undefined
  const named = { ...(description !== undefined && { description }), ...(examples !== undefined && { examples }) }
  if (!union) return { ...named, anyOf: [rest, { type: 'null' }] }
  return { ...rest, ...named, anyOf: [...union.filter(({ type }) => type !== 'null'), { type: 'null' }] }
}
