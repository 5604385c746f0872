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
  /** What was asked for by `Accept`. */
  type: string
  /** With the headers. */
  head: string
  text: string
}

/**
 * What every GET of the API answers, for every item of every collection and in every form that it offers, one after the
 * other. `required` has the values of query parameters that a GET cannot do without; what is probed is a port where nobody listens.
 */
export async function* responsesOf(call: Call, required: Record<string, string>): AsyncGenerator<GivenResponse> {
  const { paths } = (await (await call('/openapi.json')).json()) as OpenApi
  for (const [path, { get }] of Object.entries(paths)) {
    if (!get) continue
    const query = queryOf(path, get, { target: '127.0.0.1:1', ...required })
    const types = Object.keys(get.responses['200']?.content ?? { '*/*': {} })
    for (const concrete of await fillIn(call, path)) {
      for (const type of types) {
        const url = query.size > 0 ? `${concrete}?${query}` : concrete
        const answer = await call(url, { headers: { accept: type }, signal: AbortSignal.timeout(10_000) })
        const text = await answer.text()
        if (!answer.ok) throw new Error(`GET ${url} answered ${answer.status}: ${text}`)
        yield { url, type, head: [...answer.headers].join('\n'), text }
      }
    }
  }
}

/** The same as one text. */
export async function everyResponse(call: Call, required: Record<string, string>): Promise<string> {
  const answers: string[] = []
  for await (const { url, head, text } of responsesOf(call, required)) answers.push(`${url}\n${head}\n${text}`)
  return answers.join('\n\n')
}

function queryOf(path: string, { parameters = [] }: Operation, required: Record<string, string>): URLSearchParams {
  const query = new URLSearchParams()
  for (const { name, schema, ...parameter } of parameters.filter((parameter) => parameter.in === 'query')) {
    if (name === 'limit') query.set(name, String(schema.maximum))
    if (!parameter.required || schema.default !== undefined) continue
    const value = required[name]
    if (value === undefined) throw new Error(`GET ${path} wants ${name}`)
    query.set(name, value)
  }
  return query
}

/** The paths that a template stands for: `/targets/{name}` has one for each item of `/targets`. */
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
