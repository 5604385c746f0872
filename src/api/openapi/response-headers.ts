interface Header {
  description: string
  required?: boolean
  schema: object
}
interface Operation {
  parameters?: { name?: string }[]
  responses?: Record<string, { headers?: object }>
  security?: object[]
}
interface Document {
  paths?: Record<string, Record<string, Operation>>
  components?: object
}

const text = (description: string, more: object = {}): Header => ({ description, schema: { type: 'string', ...more } })
const always = (header: Header): Header => ({ ...header, required: true })

const headers = {
  'WWW-Authenticate': always(text('The authentication scheme (RFC 6750)', { pattern: '^Bearer ' })),
  'Retry-After': always({
    description: 'Seconds to wait (RFC 9110)',
    schema: { type: 'integer', format: 'int32', minimum: 1 },
  }),
  'RateLimit-Policy': always(text('Limits of the key, or of the address without a valid key')),
  RateLimit: always(text('What remains of these limits: `r` requests in the next `t` seconds')),
  Location: always(text('Path of the created resource', { pattern: '^/v1/' })),
  ETag: text('Strong entity tag for `If-None-Match` and `If-Match`', { pattern: '^"[^"]+"$' }),
  Link: text('The next page, if there is one (RFC 8288)', { pattern: '^<[^>]+>; rel="next"$' }),
} satisfies Record<string, Header>
type Name = keyof typeof headers

/** Adds the headers of every response, which follow from its status and its operation. */
export function describeHeaders(document: object): object {
  const { paths = {}, components } = document as Document
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      for (const [status, response] of Object.entries(operation.responses ?? {})) {
        const names = namesOf(`${method} ${path}`, operation, status)
        if (names.length === 0) continue
        response.headers = Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
      }
    }
  }
  return { ...document, components: { ...components, headers } }
}

function namesOf(operation: string, { parameters = [], responses = {}, security }: Operation, status: string): Name[] {
  const takes = (name: string) => parameters.some((one) => one.name === name)
  const makes = (status === '201' && operation.startsWith('post ')) || status === '202'
  // Other rejections are counted too; documenting the headers there adds noise only.
  const counted = Boolean(security?.length) && (status < '300' || status === '429')
  const names: Record<Name, boolean> = {
    'WWW-Authenticate': status === '401',
    'Retry-After': status === '429' || status === '503',
    'RateLimit-Policy': counted,
    RateLimit: counted,
    Location: makes && operation !== 'post /v1/keys', // a key cannot be read again
    ETag: status === '200' && '304' in responses,
    Link: status === '200' && takes('cursor'),
  }
  return (Object.keys(names) as Name[]).filter((name) => names[name])
}
