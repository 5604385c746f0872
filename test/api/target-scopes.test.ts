import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StoredSchedule } from '../../src/store/inventory/schedules.ts'
import { everyResponse } from '../support/every-response.ts'
import { exposures, startTeams } from '../support/teams.ts'

type Teams = Awaited<ReturnType<typeof startTeams>>
type Method = Parameters<Teams['service']['call']>[0]
interface Operation {
  operationId: string
  parameters?: { name: string; in: string }[]
  requestBody?: object
  'x-portwarden-limited'?: true
}

const document = JSON.parse(readFileSync(new URL('../../openapi/openapi.json', import.meta.url), 'utf8'))
const operations = Object.entries<Record<string, Operation>>(document.paths)
  .filter(([path]) => path.startsWith('/v1/'))
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase() as Method,
      path,
      open: operation['x-portwarden-limited'] === true,
    })),
  )
const ofResources = operations.filter(
  ({ open, path }) => open && path.includes('{') && !path.startsWith('/v1/policies'),
)
const listings = operations.filter(({ open, method, path }) => open && method === 'GET' && !path.includes('{'))
const withBody = operations.filter(({ open, requestBody }) => open && requestBody)

let teams: Teams
let greenFingerprint: string
beforeAll(async () => {
  teams = await startTeams()
  const { body } = await asAdmin(`/v1/findings?target=${teams.green.target}`)
  greenFingerprint = body.items[0].fingerprint
})
afterAll(() => teams?.stop())

let at: Promise<string> | undefined
/** The URL of the service, which listens once. */
const listening = () => {
  at ??= teams.service.listen()
  return at
}

const asBlue = (method: Method, path: string, body?: unknown) =>
  teams.service.call(method, path, {
    key: teams.blue.key,
    ...(body === undefined ? {} : { body }),
    ...(typeof body === 'string' ? { headers: { 'content-type': 'application/x-ndjson' } } : {}),
  })
const asAdmin = (path: string) => teams.service.call('GET', path)

/** What the other team has, by the collection of the path. Without an entry a new collection fails here. */
const foreign = (path: string): string => {
  const { target, audits, baseline, schedule, window, waiver, trace, proposal } = teams.green
  const ids: Record<string, string> = {
    targets: target,
    audits: audits[0],
    baselines: baseline,
    schedules: schedule,
    windows: window,
    waivers: waiver,
    traces: trace,
    proposals: proposal,
    policies: 'exposures',
    findings: greenFingerprint,
    reports: target,
  }
  const id = ids[path.split('/')[2] ?? '']
  if (!id) throw new Error(`say what another team has at ${path}`)
  return id
}
const missing = (path: string) =>
  /^\/v1\/(audits|windows|waivers|traces|proposals|findings)/.test(path)
    ? '00000000-0000-7000-8000-000000000000'
    : 'absent'
const fill = (path: string, id: string) => path.replace(/\{(id|name|fingerprint)\}/, id).replace(/\{\w+\}/g, '1')

/** A body for each operation that takes one, about what the other team has. Without an entry a new operation fails. */
const bodies = (): Record<string, unknown> => {
  const targets = [teams.green.target]
  const audit = { policy: 'exposures', targets }
  const draft = { policy: 'exposures', rules: ['must-be-unreachable'], targets }
  const permission = { ...draft, reason: 'r' }
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
  const schedule = { cron: '0 2 * * *', audit }
  return {
    createAudit: audit,
    proposePolicy: { targets, ports: [9], vantages: ['branch'] },
    createTrace: { target: targets[0], port: 9, vantage: 'branch' },
    createTarget: { name: targets[0], address: '127.0.0.9', labels: { team: 'blue' } },
    importTargets: JSON.stringify({ name: targets[0], address: '127.0.0.9', labels: { team: 'blue' } }),
    replaceTarget: { address: '127.0.0.9' },
    updateTarget: { address: '127.0.0.9' },
    previewPolicy: { document: exposures, targets },
    previewFlows: { document: exposures, targets },
    validatePolicy: exposures,
    createBaseline: { name: 'mine', audit: teams.green.audits[0], reason: 'r' },
    approveBaselineItems: {
      reason: 'r',
      items: [{ target: targets[0], policy: 'exposures', rule: 'must-be-open', vantage: 'local' }],
    },
    previewSchedule: { cron: '0 2 * * *' },
    createSchedule: { name: 'mine', ...schedule },
    replaceSchedule: schedule,
    updateSchedule: { enabled: false },
    createWindow: { ...permission, ticket: 't', from: at(1), to: at(2) },
    createWaiver: { ...permission, expiresAt: at(24) },
    previewWindow: draft,
    previewWaiver: draft,
    approveWindow: { reason: 'r' },
    approveWaiver: { reason: 'r' },
    cancelAudit: { reason: 'r' },
    cancelWindow: { reason: 'r' },
    revokeWaiver: { reason: 'r' },
    rejectWindow: { reason: 'r' },
    rejectWaiver: { reason: 'r' },
  }
}
const bodyOf = ({ operationId, requestBody }: Operation) => {
  if (!requestBody) return undefined
  const body = bodies()[operationId]
  if (!body) throw new Error(`say what ${operationId} asks about another team`)
  return body
}

/** Text that discloses the other team: its name is in all names, the rest are ids and its address. */
const disclosures = () => {
  const { audits, window, waiver, trace, proposal } = teams.green
  return ['green', '127.0.0.2', ...audits, window, waiver, trace, proposal, teams.everybodys, greenFingerprint]
}
const disclosed = (text: string) => disclosures().filter((word) => text.includes(word))

const everythingOfGreen = async () => {
  const { target, audits, baseline, schedule, window, waiver, trace, proposal } = teams.green
  const paths = [
    ...[`targets/${target}`, `audits/${audits[0]}`, `baselines/${baseline}`, `schedules/${schedule}`],
    ...[
      `windows/${window}`,
      `waivers/${waiver}`,
      `traces/${trace}`,
      `proposals/${proposal}`,
      `targets/${target}/history`,
    ],
  ]
  return Promise.all(paths.map(async (path) => (await asAdmin(`/v1/${path}`)).body))
}

describe('a key that is limited to the targets of a team', () => {
  test('reads all that is of the team, in every form, and nothing of another team', async () => {
    const url = await listening()
    const call = async (path: string, init: RequestInit = {}) => {
      const headers = { ...init.headers, authorization: `Bearer ${teams.blue.key}` }
      const response = await fetch(new URL(path, url), { ...init, headers })
      return response.status === 403 ? Response.json({ items: [] }) : response
    }
    const [from, to] = teams.blue.audits
    for (const pointsInTime of [
      { from: `audit:${from}`, to: `audit:${to}` },
      { from: '2026-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' },
      { from: `baseline:${teams.blue.baseline}`, to: '2100-01-01T00:00:00Z' },
    ]) {
      const text = await everyResponse(call, pointsInTime)
      expect(disclosed(text)).toEqual([])
      const { target, audits, baseline, schedule, window, waiver, trace, proposal } = teams.blue
      for (const own of [target, ...audits, baseline, schedule, window, waiver, trace, proposal])
        expect(text).toContain(own)
      expect(text).toContain('"regressed"')
    }
  })

  test('gets the same responses, with the same counts and ETags, while another team makes changes', async () => {
    const url = await listening()
    const [from, to] = teams.blue.audits.map((id) => `audit:${id}`)
    const at = new Date().toISOString()
    const readAll = async () => {
      const responses = new Map<string, string>()
      const call = async (path: string, init: RequestInit = {}) => {
        const headers = new Headers({ ...init.headers, authorization: `Bearer ${teams.blue.key}` })
        const response = await fetch(new URL(path, url), { ...init, headers })
        if (response.status === 403) return Response.json({ items: [] })
        const said = [...response.headers].filter(([name]) => !/^(date|ratelimit|portwarden-as-of)$/.test(name))
        responses.set(`${path} ${headers.get('accept')}`, JSON.stringify([said, await response.clone().text()]))
        return response
      }
      await everyResponse(call, { from: from ?? '', to: to ?? '', at })
      return responses
    }
    const [first, second] = [await readAll(), await readAll()]
    const stable = [...first].filter(([path, response]) => second.get(path) === response)
    expect(stable.length).toBeGreaterThan(40)
    expect(stable.filter(([, response]) => response.includes('"etag"')).length).toBeGreaterThan(20)

    const asGreen = async (method: Method, path: string, body: object) => {
      const response = await teams.service.call(method, path, {
        key: teams.green.key,
        body,
        headers: { prefer: 'wait=15' },
      })
      expect(response.status, JSON.stringify(response.body)).toBeLessThan(300)
      return response.body
    }
    const other = { name: 'green-more', address: '127.0.0.2', labels: { team: 'green', site: 'hq' } }
    await asGreen('POST', '/v1/targets', other)
    const { id } = await asGreen('POST', '/v1/audits', {
      policy: 'exposures',
      targets: [teams.green.target, other.name],
      params: { openPort: 1, closedPort: 1 },
    })
    await asGreen('POST', '/v1/baselines', { name: 'green-more', audit: id, reason: 'green' })
    const permission = { policy: 'exposures', rules: ['must-be-unreachable'], targets: [other.name], reason: 'green' }
    await asGreen('POST', '/v1/waivers', { ...permission, expiresAt: new Date(Date.now() + 86_400_000).toISOString() })
    const after = await readAll()
    for (const [path, response] of stable) expect([path, after.get(path)]).toEqual([path, response])
    expect(after.size).toBe(first.size)
    await teams.service.call('DELETE', '/v1/targets/green-more') // the labels that it shares are requested by others
  })

  test('counts the same as an unlimited key that filters by its labels', async () => {
    const reports = [
      '/v1/reports/compliance?by=target',
      '/v1/reports/trend?by=zone',
      '/v1/reports/drift?from=2026-01-01T00:00:00Z&to=2100-01-01T00:00:00Z',
    ]
    for (const report of reports) {
      const own = (await asBlue('GET', report)).body
      const filtered = (await asAdmin(`${report}&label=team:blue`)).body
      expect([own.items, own.summary]).toEqual([filtered.items, filtered.summary])
      expect(own.items).not.toEqual((await asAdmin(report)).body.items)
    }
  })

  test.each(listings)(
    'learns from the filters of $operationId of what another team has as much as of what there is not',
    async ({ path, parameters = [] }) => {
      const filters: Record<string, (name: string) => string> = {
        target: (name) => `${name}-host`,
        label: (name) => `team:${name}`,
        q: (name) => name,
        correlationId: (name) => `${name}-first`,
        ticket: (name) => `${name}-1`,
      }
      const names = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
      const times = ['at', 'from', 'to']
        .filter((name) => names.includes(name))
        .map((name) => [name, new Date().toISOString()])
      for (const [name, valueFor] of Object.entries(filters).filter(([name]) => names.includes(name))) {
        const [theirs, none] = await Promise.all(
          ['green', 'absent'].map((team) =>
            asBlue('GET', `${path}?${new URLSearchParams([...times, [name, valueFor(team)]] as [string, string][])}`),
          ),
        )
        const shown = (response = theirs) => [
          response?.status,
          JSON.stringify(response?.body).replaceAll('absent', 'green'),
        ]
        expect([name, ...shown(theirs)]).toEqual([name, ...shown(none)])
      }
    },
  )

  test.each(operations.filter(({ open }) => !open))('is refused at $operationId', async ({ method, path }) => {
    const { status, body } = await asBlue(method, fill(path, missing(path)), method === 'GET' ? undefined : {})
    expect([status, body.status]).toEqual([403, 403])
  })

  test.each(ofResources)(
    'learns at $operationId of what another team has as much as of what there is not',
    async (operation) => {
      const { method, path } = operation
      const [id, none] = [foreign(path), missing(path)]
      const foreignResponse = await asBlue(method, fill(path, id), bodyOf(operation))
      const unknownResponse = await asBlue(method, fill(path, none), bodyOf(operation))
      expect([403, 404, 422]).toContain(foreignResponse.status)
      expect(JSON.stringify(foreignResponse.body).replaceAll(id, none)).toBe(
        JSON.stringify(unknownResponse.body).replaceAll(id, none),
      )
      expect(Object.keys(foreignResponse.headers).toSorted()).toEqual(Object.keys(unknownResponse.headers).toSorted())
    },
  )

  test.each(withBody)(
    'gets nothing and changes nothing where $operationId names what another team has',
    async (operation) => {
      if (['validatePolicy', 'previewSchedule'].includes(operation.operationId)) return // they are about no target
      const before = await everythingOfGreen()
      const foreignResponse = await asBlue(
        operation.method,
        fill(operation.path, foreign(operation.path)),
        bodyOf(operation),
      )
      expect([403, 404, 422]).toContain(foreignResponse.status)
      expect(await everythingOfGreen()).toEqual(before)
    },
  )

  test.each([
    ['from', 'audit', () => `audit:${teams.green.audits[0]}`],
    ['from', 'baseline', () => `baseline:${teams.green.baseline}`],
    ['to', 'audit of everybody', () => `audit:${teams.everybodys}`],
  ])('cannot compare %s the %s of another team', async (end, _, pointInTime) => {
    const query = { from: '2026-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z', [end]: pointInTime() }
    const { status, body } = await asBlue('GET', `/v1/reports/drift?${new URLSearchParams(query)}`)
    expect([status, body.errors[0].pointer, body.detail]).toEqual([
      422,
      `/${end}`,
      expect.stringMatching(/^there is no /),
    ])
  })

  test.each<[string, object]>([
    ['its name, as a target of its own', { name: 'green-host', address: '127.0.0.9', labels: { team: 'blue' } }],
    ['its name alone', { name: 'green-host', address: '127.0.0.9' }],
    ['a new target without its labels', { name: 'blue-new', address: '127.0.0.9' }],
    ['a new target with labels of another', { name: 'blue-new', address: '127.0.0.9', labels: { team: 'green' } }],
    ['its own target, given away', { name: 'blue-host', address: '127.0.0.1', labels: { team: 'green' } }],
  ])('writes with no audit and with no target %s', async (_, target) => {
    const before = [await everythingOfGreen(), (await asAdmin('/v1/targets/blue-host')).body]
    const { name, ...fields } = target as { name: string }
    const responses = [
      await asBlue('POST', '/v1/audits', { policy: 'exposures', targets: [target] }),
      await asBlue('POST', '/v1/targets', target),
      await asBlue('PUT', `/v1/targets/${name}`, fields),
    ]
    const allowed = name === 'blue-host' ? [403, 409] : [403]
    for (const { status } of responses) expect(allowed).toContain(status)
    expect([await everythingOfGreen(), (await asAdmin('/v1/targets/blue-host')).body]).toEqual(before)
    expect((await asAdmin('/v1/targets/blue-new')).status).toBe(404)
  })

  test('cannot give its own target away by changing its labels, and can change the others', async () => {
    const patch = (labels: object) => asBlue('PATCH', '/v1/targets/blue-host', { labels })
    expect((await patch({ team: 'green', site: 'hq' })).status).toBe(403)
    expect((await patch({ site: 'hq' })).status).toBe(403)
    expect((await patch({ team: 'blue', site: 'hq', rack: '7' })).status).toBe(200)
  })

  test('asks by labels for its own targets among all that have them', async () => {
    const { body } = await asBlue('POST', '/v1/audits', { policy: 'exposures', targets: { labels: { site: 'hq' } } })
    const ended = await teams.service.ended(body.id)
    const findings = await teams.service.findings(ended.id)
    expect(new Set(findings.map(({ target }) => target))).toEqual(new Set(['blue-host']))
    const others = await asBlue('POST', '/v1/audits', { policy: 'exposures', targets: { labels: { team: 'green' } } })
    expect([others.status, others.body.detail]).toEqual([422, 'no target has these labels'])
  })

  test('has schedules whose audits probe its own targets, among all that have the labels', async () => {
    await teams.service.scheduler.tick(new Date(Date.now() + 25 * 3_600_000))
    const { body } = await asBlue('GET', `/v1/schedules/${teams.blue.schedule}/runs`)
    const auditId = body.items.find(({ audit }: { audit: string | null }) => audit !== null)?.audit
    const [row] = await teams.service.query<{ names: string[] }>(
      `SELECT array_agg(t.name) AS names FROM audit a JOIN target t ON t.id = ANY(a.target_ids) WHERE a.id = '${auditId}'`,
    )
    expect(row?.names).toEqual(['blue-host'])
    expect((await asBlue('GET', `/v1/audits/${auditId}`)).status).toBe(200)
  })

  test('permits nothing for targets of another team, for any labels of its windows and waivers', async () => {
    const { stores } = teams.service
    const within = stores.within({ team: 'blue' })
    const permission = {
      policy: 'exposures',
      rules: ['must-be-unreachable'],
      targets: { labels: { site: 'hq' } },
      reason: 'r',
    }
    const [from, to, now] = [new Date(0), new Date(Date.now() + 3_600_000), new Date()]
    const id = '01900000-0000-7000-8000-000000000000'
    await within.windows.create({ ...permission, id, params: {}, from, to, ticket: 't', requestedBy: 'k' })
    await stores.windows.approve(id, 'other', new Date(1))
    await within.waivers.create({ ...permission, id, expiresAt: to, requestedBy: 'k' })
    await stores.waivers.approve(id, 'other', now)
    const targets = await stores.targets.findByLabels({ site: 'hq' })
    const query = { policy: 'exposures', targetIds: targets.map((one) => one.id), from: now, until: to }
    const blue = targets.find(({ name }) => name === 'blue-host')?.id
    expect(targets).toHaveLength(2)
    for (const store of [stores.windows, stores.waivers])
      expect((await store.permissions(query)).map(({ targetId }) => targetId)).toEqual([blue])
    await stores.waivers.revoke(id, 'other', new Date())
  })

  test('moves no item of another team into its baseline', async () => {
    const key = { policy: 'exposures', rule: 'must-be-unreachable', vantage: 'local' }
    const approve = (...targets: string[]) =>
      asBlue('POST', `/v1/baselines/${teams.blue.baseline}/approve`, {
        reason: 'r',
        items: targets.map((target) => ({ ...key, target })),
      })
    const refused = await approve(teams.blue.target, teams.green.target)
    expect([refused.status, refused.body.errors.map((error: { pointer: string }) => error.pointer)]).toEqual([
      422,
      ['/items/1'],
    ])
    expect((await approve(teams.blue.target)).status).toBe(200)
  })

  test('reaches nothing of another team by the numbers of rows either', async () => {
    const { stores } = teams.service
    const [own, theirs] = [stores.within({ team: 'blue' }), stores.within({ team: 'green' })]
    const { target, audits, schedule, baseline, window, waiver } = teams.green
    const [{ id }, plan] = [await theirs.targets.find(target), await theirs.schedules.find(schedule)] as [
      { id: number },
      StoredSchedule,
    ]
    const queued = '01a00000-0000-7000-8000-000000000000'
    const order = { policyId: 1, targetIds: [id], vantages: [], params: {}, trigger: 'test', requestedBy: 'k' }
    await theirs.audits.create({ ...order, id: queued })
    const dueAt = new Date('2026-01-01T00:00:00Z')
    await stores.schedules.addRuns(plan, [{ dueAt, outcome: 'missed', reason: null, auditId: null, decidedAt: dueAt }])
    const period = { from: new Date(0), to: new Date('2026-02-01T00:00:00Z'), overdueAt: dueAt }

    const reach = async (by: typeof own) => ({
      previous: await by.audits.findPrevious(audits[1]),
      pointInTime: (await by.drift.pointInTimeOf(audits[0])) !== undefined,
      targets: (await by.targets.findByIds([id])).length,
      spans: (await by.history.spans(id, { limit: 10 })).items.length > 0,
      known: (await by.history.newest([id])).length > 0,
      runs: (await by.schedules.runs(plan.id, { limit: 10 })).items.length > 0,
      missed: (await by.schedules.missedRuns(period)).total,
      window: (await by.windows.lock(window))?.id,
      schedule: (await by.schedules.replace(plan.id, plan, plan))?.id,
      canceled: await by.audits.requestCancel(queued),
      revoked: await by.waivers.revoke(waiver, 'k', new Date()),
    })
    const nothing = {
      pointInTime: false,
      targets: 0,
      spans: false,
      known: false,
      runs: false,
      missed: 0,
      canceled: false,
      revoked: false,
    }
    expect(await reach(own)).toEqual({ ...nothing, previous: undefined, window: undefined, schedule: undefined })
    await own.targets.retire(id)
    await own.schedules.remove(plan.id)
    await own.baselines.remove(baseline)
    expect([
      await theirs.targets.find(target),
      await theirs.schedules.find(schedule),
      await theirs.baselines.find(baseline),
    ]).not.toContain(undefined)
    expect(Object.entries(await reach(theirs)).filter(([, found]) => !found)).toEqual([])
  })

  test('is made with no scope that is about the targets of everybody', async () => {
    for (const scope of ['admin', 'policies:write', 'vantage:local']) {
      const body = { name: 'x', scopes: ['reports:read', scope], targets: { labels: { team: 'blue' } } }
      const { status, body: problem } = await teams.service.call('POST', '/v1/keys', { body })
      expect([status, problem.errors[0].pointer]).toEqual([422, '/scopes/1'])
    }
  })
})
