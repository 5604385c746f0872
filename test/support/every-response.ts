import { createLine } from '../../src/runtime/line.ts'

interface Operation {
  parameters?: { name: string; in: string; required?: boolean; schema: { maximum?: number; default?: unknown } }[]
  responses: Record<string, { content?: Record<string, unknown> }>
}
interface OpenApi {
  paths: Record<string, { get?: Operation }>
}

type Call = (path: string, init?: RequestInit) => Promise<Response>

interface GivenResponse {
  url: string
  /** The requested media type. */
  type: string
  /** The response headers. */
  head: string
  text: string
}

/**
 * The responses of every GET of the API, for every item of every collection and every media type. `required` holds values
 * for required query parameters, and may hold `at`, the point in time of reports; the probed port is closed.
 */
export async function* responsesOf(call: Call, required: Record<string, string>): AsyncGenerator<GivenResponse> {
  const { paths } = (await (await call('/openapi.json')).json()) as OpenApi
  for (const [path, { get }] of Object.entries(paths)) {
    if (!get || path === '/v1/events') continue // a stream without an end
    const own = path.endsWith('/firewall') ? await firstTarget(call) : { target: '127.0.0.1:1' }
    if (!own) continue // the caller sees no target
    const query = queryOf(path, get, { ...own, q: 'http', cause: 'never-audited', ...required })
    if (path.endsWith('/firewall')) for (const [name, value] of origin) query.append(name, value)
    const types = Object.keys(get.responses['200']?.content ?? { '*/*': {} })
    const requests = (await fillIn(call, path)).flatMap((concrete) =>
      types.map((type) => ({ url: query.size > 0 ? `${concrete}?${query}` : concrete, type })),
    )
    // Beside each other: on a busy machine a request mostly waits.
    const inTurn = createLine(8)
    yield* (await Promise.all(requests.map((request) => inTurn(1, () => read(call, request))))).flat()
  }
}

/** An origin that allows changes to targets of both families. */
const origin = [
  ['zone', 'client'],
  ['source', '10.1.0.0/16'],
  ['source', '2001:db8::/32'],
] as const

async function firstTarget(call: Call): Promise<{ target: string } | undefined> {
  const { items } = (await (await call('/v1/targets?limit=1')).json()) as { items: { name: string }[] }
  return items[0] && { target: items[0].name }
}

async function read(call: Call, { url, type }: { url: string; type: string }): Promise<GivenResponse> {
  const response = await call(url, { headers: { accept: type }, signal: AbortSignal.timeout(60_000) })
  const text = await response.text()
  // A policy may need parameters that the target lacks.
  if (url.includes('/firewall?') && response.status === 422) return { url, type: 'application/json', head: '', text }
  if (!response.ok) throw new Error(`GET ${url}: status ${response.status}: ${text}`)
  return { url, type, head: [...response.headers].join('\n'), text }
}

/** The same as one string. */
export async function everyResponse(call: Call, required: Record<string, string>): Promise<string> {
  const texts: string[] = []
  for await (const { url, head, text } of responsesOf(call, required)) texts.push(`${url}\n${head}\n${text}`)
  return texts.join('\n\n')
}

function queryOf(path: string, { parameters = [] }: Operation, required: Record<string, string>): URLSearchParams {
  const query = new URLSearchParams()
  for (const { name, schema, ...parameter } of parameters.filter((parameter) => parameter.in === 'query')) {
    if (name === 'limit') query.set(name, String(schema.maximum))
    if (name === 'at' && required.at !== undefined) query.set(name, required.at)
    if (!parameter.required || schema.default !== undefined) continue
    const value = required[name]
    if (value === undefined) throw new Error(`GET ${path} requires ${name}`)
    query.set(name, value)
  }
  return query
}

/** The paths of a template: `/targets/{name}` for each item of `/targets`. */
async function fillIn(call: Call, template: string): Promise<string[]> {
  const [whole, collection = '', parameter = '', rest = ''] = /^(.*)\/\{(\w+)\}([^{]*)$/.exec(template) ?? []
  if (whole === undefined) return [template]
  const filled: string[] = []
  for (const path of await fillIn(call, collection)) {
    const { items } = (await (await call(path)).json()) as { items: Record<string, unknown>[] }
    for (const item of items) filled.push(`${path}/${encodeURIComponent(String(item[parameter] ?? item.id))}${rest}`)
  }
  return filled
}
