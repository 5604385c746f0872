import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { builtInPolicies } from '../../../../src/policies/built-in.ts'
import { startService, type TestService } from '../../../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ working: false })
})
afterAll(() => service.stop())
beforeEach(() => service.query(`DELETE FROM policy WHERE name = 'night'`))

const yaml = { 'content-type': 'application/yaml' }
const text = `name: night
title: What must hold at night
parameters:
  sshPort: { type: port, default: 22 }
rules:
  - id: ssh-closed
    title: SSH is closed
    severity: high
    direction: inbound
    from: [client]
    probe: tcp
    port: \${sshPort}
    expect: { state: [closed, filtered] }
`
const document = {
  name: 'night',
  title: 'What must hold at night',
  parameters: { sshPort: { type: 'port', default: 22 } },
  rules: [
    {
      id: 'ssh-closed',
      title: 'SSH is closed',
      severity: 'high',
      direction: 'inbound',
      from: ['client'],
      probe: 'tcp',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the policy
      port: '${sshPort}',
      expect: { state: ['closed', 'filtered'] },
    },
  ],
}
const wrong = text.replace(/port: \$.*/, 'port: 70000').replace('severity: high', 'severity: hgih')

describe('PUT /v1/policies/{name}', () => {
  test('takes YAML as a first version, and the same as JSON as nothing new', async () => {
    const made = await service.call('PUT', '/v1/policies/night', { body: text, headers: yaml })
    expect(made).toMatchObject({ status: 201, body: { name: 'night', version: 1, document } })
    expect(made.headers.etag).toBe(`"${Date.parse(made.body.createdAt)}-1"`)
    const again = await service.call('PUT', '/v1/policies/night', { body: document })
    expect(again).toMatchObject({ status: 200, body: made.body })
  })

  test('keeps the text with its comments, who put it, and why; JSON of the same content is nothing new', async () => {
    const commented = `# Night shift\n${text}`
    const [, keyId] = service.key.split('_')
    await service.call('PUT', '/v1/policies/night', { body: text, headers: yaml })
    const { body } = await service.call('PUT', '/v1/policies/night?note=CHG1', { body: commented, headers: yaml })
    const kept = { version: 2, source: commented, note: 'CHG1', author: keyId, authorName: 'test' }
    expect(body).toMatchObject(kept)
    expect((await service.call('PUT', '/v1/policies/night', { body: document })).body).toMatchObject(kept)
    expect((await service.call('GET', '/v1/policies/night/versions/1')).body).toMatchObject({
      source: text,
      note: null,
    })
    const { items } = (await service.call('GET', '/v1/policies/night/versions')).body
    expect(items.map(({ source, note }: { source?: string; note: string }) => [source, note])).toEqual([
      [undefined, 'CHG1'],
      [undefined, null],
    ])
  })

  test('that was put as JSON has its document as YAML, in the order of the schema', async () => {
    const { body } = await service.call('PUT', '/v1/policies/night', { body: { ...document, title: 'As JSON' } })
    expect(body.source.split('\n').slice(0, 2)).toEqual([`name: ${document.name}`, 'title: As JSON'])
    const again = await service.call('POST', '/v1/policies/validate', { body: body.source, headers: yaml })
    expect(again.body).toEqual({ valid: true, errors: [] })
  })

  test('with If-Match changes what was read, and nothing that was changed since', async () => {
    const { headers } = await service.call('PUT', '/v1/policies/night', { body: text, headers: yaml })
    const change = (title: string, etag: string | undefined) =>
      service.call('PUT', '/v1/policies/night', { body: { ...document, title }, headers: { 'if-match': etag ?? '' } })
    const changed = await change('Changed', headers.etag)
    expect(changed).toMatchObject({ status: 201, body: { version: 2 } })
    expect((await change('Changed again', headers.etag)).status).toBe(412)
    expect((await service.call('GET', '/v1/policies/night')).body).toMatchObject({
      version: 2,
      document: { title: 'Changed' },
    })
    const both = await Promise.all(['one', 'two'].map((title) => change(title, changed.headers.etag)))
    expect(both.map(({ status }) => status).sort()).toEqual([201, 412])
  })

  test('lists policies without their documents', async () => {
    await service.call('PUT', '/v1/policies/night', { body: text, headers: yaml })
    const { items } = (await service.call('GET', '/v1/policies?fields=summary')).body
    const night = items.find(({ name }: { name: string }) => name === 'night')
    expect(night).toMatchObject({ version: 1, title: document.title, rules: 1, zones: ['client'] })
    expect(night).not.toHaveProperty('document')
  })

  test('refuses a name under which it could not be read', async () => {
    const response = await service.call('PUT', '/v1/policies/schema', { body: { ...document, name: 'schema' } })
    expect(response).toMatchObject({ status: 422, body: { errors: [{ pointer: '/name' }] } })
  })

  test('takes another document as the next version', async () => {
    await service.call('PUT', '/v1/policies/night', { body: document })
    const body = { ...document, title: 'Changed' }
    const changed = await service.call('PUT', '/v1/policies/night', { body })
    expect(changed).toMatchObject({ status: 201, body: { version: 2, document: body } })
    expect((await service.call('GET', '/v1/policies/night')).body).toEqual(changed.body)
    expect((await service.call('GET', '/v1/policies/night/versions/1')).body.document).toEqual(document)
    const { body: versions } = await service.call('GET', '/v1/policies/night/versions')
    expect(versions.items.map(({ version }: { version: number }) => version)).toEqual([2, 1])
  })

  test('refuses invalid YAML with line numbers, and invalid JSON with pointers', async () => {
    const inYaml = await service.call('PUT', '/v1/policies/night', { body: wrong, headers: yaml })
    expect(inYaml.status).toBe(422)
    expect(inYaml.body.errors).toEqual([
      { in: 'body', pointer: '/rules/0/severity', detail: 'line 8: must be one of low, medium, high' },
      {
        in: 'body',
        pointer: '/rules/0/port',
        detail: expect.stringMatching(/^line 12: must be a port from 1 to 65535/),
      },
    ])
    const body = { ...document, rules: [{ ...document.rules[0], severity: 'hgih' }] }
    const inJson = await service.call('PUT', '/v1/policies/night', { body })
    expect(inJson.body.errors).toEqual([
      { in: 'body', pointer: '/rules/0/severity', detail: 'must be one of low, medium, high' },
    ])
  })

  test('refuses YAML that is none, and another name than that of the path', async () => {
    const broken = await service.call('PUT', '/v1/policies/night', { body: 'rules: [', headers: yaml })
    expect(broken).toMatchObject({ status: 422, body: { errors: [{ detail: expect.stringContaining('line 1') }] } })
    const other = await service.call('PUT', '/v1/policies/day', { body: document })
    expect(other).toMatchObject({ status: 422, body: { errors: [{ in: 'body', pointer: '/name' }] } })
    expect((await service.call('GET', '/v1/policies/day')).status).toBe(404)
  })

  test.each([null, 7, 'text', [], true])('refuses %j', async (body) => {
    const response = await service.call('PUT', '/v1/policies/night', { body: JSON.stringify(body) })
    expect(response).toMatchObject({ status: 422, body: { errors: [{ pointer: '' }] } })
  })
})

describe('POST /v1/policies/validate', () => {
  test('finds nothing wrong with what could be put', async () => {
    for (const call of [{ body: document }, { body: text, headers: yaml }]) {
      const response = await service.call('POST', '/v1/policies/validate', call)
      expect(response).toMatchObject({ status: 200, body: { valid: true, errors: [] } })
    }
  })

  test('reports validation issues with line and column, and stores nothing', async () => {
    const { status, body } = await service.call('POST', '/v1/policies/validate', { body: wrong, headers: yaml })
    expect(status).toBe(200)
    expect(body).toEqual({
      valid: false,
      errors: [
        { pointer: '/rules/0/severity', line: 8, message: 'must be one of low, medium, high' },
        { pointer: '/rules/0/port', line: 12, message: expect.stringMatching(/^must be a port/) },
      ],
    })
  })
})

describe('a policy that extends another', () => {
  const put = (name: string, body: unknown) =>
    service.call('PUT', `/v1/policies/${name}`, { body, ...(typeof body === 'string' && { headers: yaml }) })
  afterAll(() => service.query(`DELETE FROM policy WHERE name IN ('own', 'own-json')`))

  test('is stored resolved, with its text, and stays as it is when its base changes', async () => {
    await put('night', text)
    const own = '# ours\nname: own\nextends: night\nparameters: { sshPort: { default: 2222 } }\n'
    const made = await put('own', own)
    const resolved = {
      ...document,
      name: 'own',
      base: 'night@1',
      parameters: { sshPort: { type: 'port', default: 2222 } },
    }
    expect(made).toMatchObject({ status: 201, body: { version: 1, source: own } })
    expect(made.body.document).toEqual(resolved)
    await put('night', text.replace('severity: high', 'severity: low'))
    expect((await service.call('GET', '/v1/policies/own')).body.document).toEqual(resolved)
    const again = await put('own', own)
    expect(again.body).toMatchObject({ version: 2, document: { base: 'night@2', rules: [{ severity: 'low' }] } })
    const pinned = await put('own', own.replace('extends: night', 'extends: night@1'))
    expect(pinned.body).toMatchObject({ version: 3, document: { base: 'night@1', rules: [{ severity: 'high' }] } })
  })

  test('keeps of JSON what was written, too', async () => {
    await put('night', text)
    const { status, body } = await put('own-json', { name: 'own-json', extends: 'night', title: 'Ours' })
    expect([status, body.source, body.document.title]).toEqual([
      201,
      'name: own-json\ntitle: Ours\nextends: night\n',
      'Ours',
    ])
  })

  test('is validated and previewed with its base, in drafts of any length', async () => {
    await put('night', text)
    for (const comment of ['', '# a comment\n'.repeat(2_000)]) {
      const draft = `${comment}name: own\nextends: night\nrules: [{ id: ssh-closed, severity: none }]\n`
      const line = draft.split('\n').length - 1
      const validated = await service.call('POST', '/v1/policies/validate', { body: draft, headers: yaml })
      expect(validated.body.errors).toEqual([
        { pointer: '/rules/0/severity', line, message: 'must be one of low, medium, high' },
      ])
    }
    const draft = { name: 'own', extends: 'night', omit: ['none'] }
    const { status, body } = await service.call('POST', '/v1/policies/preview', {
      body: { document: draft, targets: { labels: {} } },
    })
    expect([status, body.errors]).toEqual([
      422,
      [{ in: 'body', pointer: '/document/omit/0', detail: 'night@1 has no rule `none`' }],
    ])
  })

  test('names a base or a version that is not there', async () => {
    await put('night', text)
    for (const base of ['nowhere', 'night@9']) {
      const { status, body } = await put('own', `name: own\nextends: ${base}\n`)
      expect([status, body.errors]).toEqual([
        422,
        [{ in: 'body', pointer: '/extends', detail: `line 2: there is no policy ${base}` }],
      ])
    }
  })
})

describe('GET /v1/policies', () => {
  test('has the built-in policy, which is one that could be put', async () => {
    const { body } = await service.call('GET', '/v1/policies/netwrix-endpoint-protector')
    expect(body.document.rules).toHaveLength(10)
    const checked = await service.call('POST', '/v1/policies/validate', { body: body.document })
    expect(checked.body).toEqual({ valid: true, errors: [] })
  })

  test('lists the newest version of each, in pages', async () => {
    await service.call('PUT', '/v1/policies/night', { body: document })
    await service.call('PUT', '/v1/policies/night', { body: { ...document, title: 'Changed' } })
    const pages = await service.walk('/v1/policies?limit=1')
    const builtIns = builtInPolicies().map(({ name }) => `${name} 1`)
    const listed = pages.flat().map(({ name, version }) => `${name} ${version}`)
    expect(listed).toEqual([...builtIns, 'night 2', 'ports 1'].sort())
    expect(pages).toHaveLength(listed.length)
  })

  test('has the JSON Schema of a document', async () => {
    const { status, body } = await service.call('GET', '/v1/policies/schema')
    expect([status, body.$schema, body.required]).toEqual([
      200,
      'https://json-schema.org/draft/2020-12/schema',
      expect.arrayContaining(['name', 'title', 'rules']),
    ])
  })
})

describe('POST /v1/policies/preview', () => {
  test('takes a draft as YAML text, with the line of what is wrong', async () => {
    const preview = (draft: unknown) =>
      service.call('POST', '/v1/policies/preview', { body: { document: draft, targets: { labels: {} } } })
    expect((await preview(text)).body).toEqual((await preview(document)).body)
    expect((await preview(text)).body).toMatchObject({ changes: [], items: [] })
    const { status, body } = await preview(text.replace('severity: high', 'severity: huge'))
    expect([status, body.errors]).toMatchObject([
      422,
      [{ pointer: '/document/rules/0/severity', detail: expect.stringMatching(/^line 8: must be /) }],
    ])
  })
})
