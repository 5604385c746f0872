import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { reprobeWindow } from '../../src/operations/exceptions/reprobe-window.ts'
import type { ApiResponse, TestService } from './service.ts'
import { fullTarget } from './target.ts'

/** An API input that makes the service dial a host. */
export interface EntryPoint {
  /** The inputs that it uses, as named by `textInputs`. */
  inputs: readonly string[]
  /** Offers hosts, waits until the accepted ones are dialled, and returns their number. */
  offer(hosts: readonly string[]): Promise<number>
}

const pathOfField = (field: string, value: unknown) =>
  Array.isArray(value) ? `${field}/-` : value !== null && typeof value === 'object' ? `${field}/\\*` : field
const { address: _, params: __, ...texts } = fullTarget
/** All fields of a target but the two that hosts are read from. */
const textFields = Object.entries(texts).map(([field, value]) => pathOfField(field, value))

/** Inputs for names and texts, which are never dialled. An input that is in neither list fails the test. */
export const neverDialled = [
  new RegExp(`^(POST|PUT|PATCH) /v1/targets(/{name})? body /(${textFields.join('|')})$`),
  new RegExp(` body /targets/-/(${textFields.join('|')})$`),
  / (path|header) \S+$/,
  /^PUT \/v1\/policies\/{name} query note$/,
  / query (actor|by|correlationId|cursor|externalId|framework|from|head|hostname|key|label\/-|policy|q|reason|rule|schedule|step|subject|ticket|to|vantage)$/,
  / query (policy|rule|vantage|zone)\/-$/,
  // Networks and addresses of a proposal, which sends no packet.
  /^GET \/v1\/policies\/{name}\/firewall query (resolve\/-|source\/-|zone)$/,
  /^GET \/v1\/\S+ query target$/,
  / body \/(audit\/)?(policy|reason|targets\/-|targets\/labels\/\*|vantages\/-)$/,
  / body \/(authorization|correlationId|cron|description|labels\/\*|name|rules\/-|scopes\/-|ticket|timeZone|version|zones\/-)$/,
  / body \/filter\/(labels\/\*|policies\/-)$/,
  / body \/(target|vantage|target\/externalId|audit\/targets\/-\/externalId)$/,
  / body \/ports\/-$/,
  / body \/items\/-\/(policy|rule|target|vantage)$/,
  // Binds of agents, which name what they have dialled.
  /^POST \/v1\/vantages\/{name}\/leases\/{id}\/binds body /,
  // Observations, traces and discoveries of agents, and drafts, which are only validated or judged by stored facts.
  /^POST \/v1\/vantages\/{name}\/leases\/{id}\/observations body /,
  /^POST \/v1\/vantages\/{name}\/(traces|discoveries)\/{id} body /,
  /^POST \/v1\/(policies\/(validate|preview)|reports\/flows|windows\/effect) /,
]

/** Every entry point of the API. Dials `port`; `allowed` is an allowed host. Needs a vantage in the zone `client`. */
export async function entryPoints(
  service: TestService,
  { port, allowed }: { port: number; allowed: string },
): Promise<Record<string, EntryPoint>> {
  const call = (method: 'POST' | 'PUT' | 'PATCH', url: string, body: unknown, type = 'application/json') =>
    service.call(method, url, { body, headers: { 'content-type': type } })
  const via = `via${randomBytes(4).toString('hex')}`
  let made = 0
  const newName = () => `${via}-${++made}`
  const { addressPolicy, parameterPolicy, hostsPolicy, defaultsPolicy } = policiesFor(port)
  for (const body of [addressPolicy, parameterPolicy]) succeeded(await call('PUT', `/v1/policies/${body.name}`, body))
  await service.stores.targets.save([{ name: 'there', address: allowed }])
  const [byAddress, byParameter] = [addressPolicy.name, { policy: parameterPolicy.name, targets: ['there'] }]

  const ended = async (...ids: unknown[]) => void (await Promise.all(ids.map((id) => service.ended(String(id)))))
  const audit = (body: object) => call('POST', '/v1/audits', body)
  const endedAudit = (response: ApiResponse) => ended(response.body.id)

  /** Offers many hosts in one request, retries without the refused ones, and dials the rest. */
  const together = (
    inputs: readonly string[],
    send: (hosts: readonly string[]) => Promise<ApiResponse>,
    dial: (response: ApiResponse) => Promise<unknown> = endedAudit,
  ): EntryPoint => ({
    inputs,
    async offer(hosts) {
      let accepted = 0
      for (let at = 0; at < hosts.length; at += slots) accepted += await offerSome(hosts.slice(at, at + slots))
      return accepted
      async function offerSome(some: readonly string[]): Promise<number> {
        if (some.length === 0) return 0
        const response = await send(some)
        if (isAccepted(response)) {
          await dial(response)
          return some.length
        }
        const wrong = new Set(response.body.errors.map(hostIndexOf))
        expect([...wrong], JSON.stringify(response.body)).not.toContain(undefined)
        return offerSome(some.filter((_, index) => !wrong.has(index)))
      }
    },
  })
  /** Offers each host in a separate request, and dials the accepted ones. */
  const each = (
    inputs: readonly string[],
    send: (host: string) => Promise<ApiResponse>,
    dial: (responses: readonly ApiResponse[]) => Promise<unknown> = async () => {},
  ): EntryPoint => ({
    inputs,
    async offer(hosts) {
      const accepted = (await inParts(hosts, send)).filter(isAccepted)
      await dial(accepted)
      return accepted.length
    },
  })

  const savers = {
    POST: (target: Target) => call('POST', '/v1/targets', target),
    PUT: ({ name, ...body }: Target) => call('PUT', `/v1/targets/${name}`, body),
    async PATCH({ name, ...body }: Target) {
      await service.stores.targets.save([{ name, address: allowed }])
      return call('PATCH', `/v1/targets/${name}`, body)
    },
  }
  const pathOf = { POST: '/v1/targets', PUT: '/v1/targets/{name}', PATCH: '/v1/targets/{name}' }
  const documents = { 'text/csv': toCsv, 'application/x-ndjson': toNdjson }
  const nmapDocuments = { 'application/nmap+xml': toNmap, 'application/xml': toNmap, 'text/xml': toNmap }
  const importing = (type: string, text: string, partial = false) =>
    call('POST', `/v1/targets/import?partial=${partial}`, text, type)

  /** Targets with the hosts as parameters, which only an audit uses. */
  const targetsWith = (hosts: readonly string[]): Target[] =>
    Array.from({ length: Math.ceil(hosts.length / maxParameters) }, (_, part) => ({
      name: newName(),
      address: allowed,
      params: paramsOf(hosts, part * maxParameters, (part + 1) * maxParameters),
    }))
  const parametersOfTargets = (inputs: string[], save: (targets: readonly Target[]) => Promise<ApiResponse>) =>
    together(inputs, async (hosts) => {
      const targets = targetsWith(hosts)
      const response = await save(targets)
      if (!isAccepted(response)) return response
      return audit({ policy: parameterPolicy.name, targets: targets.map(({ name }) => name) })
    })
  const addressesOfTargets = (type: string, write: (targets: readonly Target[]) => string): EntryPoint => ({
    inputs: [`POST /v1/targets/import ${type}`],
    async offer(hosts) {
      const rows = hosts.map((address) => ({ name: newName(), address }))
      succeeded(await importing(type, write(rows), true))
      const names = (await service.stores.targets.findByNames(rows.map(({ name }) => name))).map(({ name }) => name)
      await endedAudit(succeeded(await audit({ policy: byAddress, targets: names })))
      return names.length
    },
  })

  const scheduleOf = (hosts: readonly string[]) => ({
    cron: '0 2 * * *',
    missed: 'once',
    audit: { ...byParameter, params: paramsOf(hosts) },
  })
  const newSchedule = (hosts: readonly string[]) =>
    call('POST', '/v1/schedules', { name: newName(), ...scheduleOf(hosts) })
  const changedSchedule = async (method: 'PUT' | 'PATCH', hosts: readonly string[]) => {
    const { name } = succeeded(await newSchedule([allowed])).body
    return call(method, `/v1/schedules/${name}`, scheduleOf(hosts))
  }
  const tick = async ({ body: { name } }: ApiResponse) => {
    const schedule = await service.stores.schedules.find(name)
    if (!schedule) throw new Error(`there is no schedule ${name}`)
    await service.scheduler.settle(schedule.id, new Date(Date.now() + 86_400_000))
    await ended((await service.stores.schedules.runs(schedule.id, { limit: 1 })).items[0]?.auditId)
  }

  const probeBehind = async ({ body: { id } }: ApiResponse) => {
    succeeded(await call('POST', `/v1/windows/${id}/approve`, {}))
    await reprobeWindow(service, { windowId: id, reprobe: 0 }, new Date(Date.now() + 7_200_000))
    await ended((await service.stores.windows.find(id))?.reprobeAuditId)
  }
  const windowWith = async (hosts: readonly string[]) => {
    const name = newName()
    await service.stores.targets.save([{ name, address: allowed }])
    const [from, to] = [new Date(), new Date(Date.now() + 3_600_000)]
    const rules = hosts.map((_, index) => `rule${index}`)
    const window = { policy: parameterPolicy.name, rules, targets: [name], ticket: 'T', reason: 'r', from, to }
    return call('POST', '/v1/windows', { ...window, params: paramsOf(hosts) })
  }

  const policy = (type: string, documentOf: (hosts: readonly string[]) => { name: string }) =>
    together(
      [`PUT /v1/policies/{name} ${type === 'application/json' ? 'body' : type}`],
      // JSON is valid YAML.
      (hosts) => call('PUT', `/v1/policies/${documentOf(hosts).name}`, JSON.stringify(documentOf(hosts)), type),
      async ({ body: { name } }) => endedAudit(succeeded(await audit({ policy: name, targets: ['there'] }))),
    )

  const urlOf = (host: string) => `http://${bracketed(host)}:${port}/`
  // An event that never occurs, so that only the ping is delivered.
  const newWebhook = (host: string) => call('POST', '/v1/webhooks', { url: urlOf(host), events: ['vantage.absent'] })
  const ping = async ({ body: { id } }: ApiResponse) => {
    const delivery = succeeded(await service.call('POST', `/v1/webhooks/${id}/ping`)).body.id
    await attempted(id, (items) => items.some((item) => item.id === delivery && item.lastAttempt !== null))
  }
  const attempted = (id: string, found: (items: { id: string; lastAttempt: unknown }[]) => boolean) =>
    expect
      .poll(async () => found((await service.call('GET', `/v1/webhooks/${id}/deliveries?limit=1000`)).body.items))
      .toBe(true)
  const { id: changedId } = succeeded(await newWebhook(allowed)).body
  const changeWebhook = (host: string) => call('PATCH', `/v1/webhooks/${changedId}`, { url: urlOf(host) })
  let called = 0

  return {
    'the address of a target in an audit request': together(['POST /v1/audits body /targets/-/address'], (hosts) =>
      audit({ policy: byAddress, targets: hosts.map((address) => ({ name: newName(), address })) }),
    ),
    'a parameter of a target in an audit request': together(['POST /v1/audits body /targets/-/params/*'], (hosts) =>
      audit({ policy: parameterPolicy.name, targets: targetsWith(hosts) }),
    ),
    'a parameter of an audit': together(['POST /v1/audits body /params/*'], (hosts) =>
      audit({ ...byParameter, params: paramsOf(hosts) }),
    ),
    'the callbackUrl of an audit': each(
      ['POST /v1/audits body /callbackUrl'],
      (host) => audit({ ...byParameter, callbackUrl: urlOf(host) }),
      async (responses) => {
        await ended(...responses.map(({ body }) => body.id))
        called += responses.length
        await attempted('callbacks', (items) => items.filter(({ lastAttempt }) => lastAttempt).length === called)
      },
    ),
    ...mapEntries(savers, (method, save) => [
      `${method} of an address`,
      {
        inputs: [`${method} ${pathOf[method]} body /address`],
        async offer(hosts: readonly string[]) {
          const targets = hosts.map((address) => ({ name: newName(), address }))
          const responses = await inParts(targets, save)
          const accepted = targets.filter((_, index) => isAccepted(responses[index])).map(({ name }) => name)
          await endedAudit(succeeded(await audit({ policy: byAddress, targets: accepted })))
          return accepted.length
        },
      },
    ]),
    ...mapEntries(savers, (method, save) => [
      `${method} of a target's parameter`,
      parametersOfTargets([`${method} ${pathOf[method]} body /params/*`], async (targets) => {
        const responses = await inParts(targets, save)
        return responses.find((response) => !isAccepted(response)) ?? (responses[0] as ApiResponse)
      }),
    ]),
    ...mapEntries({ ...documents, ...nmapDocuments }, (type, write) => [
      `addresses in ${type}`,
      addressesOfTargets(type, write),
    ]),
    ...mapEntries(documents, (type, write) => [
      `parameters in ${type}`,
      parametersOfTargets([`POST /v1/targets/import ${type}`], (all) => importing(type, write(all))),
    ]),
    'the host of a policy in JSON': policy('application/json', hostsPolicy),
    'the host of a policy in YAML': policy('application/yaml', hostsPolicy),
    'the default of a parameter of a policy': policy('application/json', defaultsPolicy),
    'a parameter of a new schedule': together(['POST /v1/schedules body /audit/params/*'], newSchedule, tick),
    ...mapEntries({ PUT: 'replaced', PATCH: 'changed' }, (method, what) => [
      `a parameter of a schedule that is ${what}`,
      together(
        [`${method} /v1/schedules/{name} body /audit/params/*`],
        (hosts) => changedSchedule(method, hosts),
        tick,
      ),
    ]),
    'a parameter of the reprobe of a window': together(['POST /v1/windows body /params/*'], windowWith, probeBehind),
    'the host of a trace': each(['POST /v1/traces body /host'], (host) =>
      service.call('POST', '/v1/traces', {
        body: { host, port, comparePort: port, vantage: 'local' },
        headers: { prefer: 'wait=15' },
      }),
    ),
    '/probe?target=': each(['GET /probe query target'], (host) => {
      const query = new URLSearchParams({ target: `${bracketed(host)}:${port}`, module: 'tcp_connect' })
      return service.call('GET', `/probe?${query}`)
    }),
    'the URL of a new webhook': each(['POST /v1/webhooks body /url'], newWebhook, (responses) =>
      inParts(responses, ping),
    ),
    'the URL of a webhook that is changed': {
      inputs: ['PATCH /v1/webhooks/{id} body /url'],
      async offer(hosts) {
        const accepted: string[] = []
        for (const host of hosts) if (isAccepted(await changeWebhook(host))) accepted.push(host)
        for (const host of accepted) await ping(succeeded(await changeWebhook(host)))
        return accepted.length
      },
    },
  }
}

/** Policies that dial the port at a target's address or at up to `slots` hosts. */
function policiesFor(port: number) {
  const rule = (id: string, more: object = {}) => ({
    id,
    title: 'probe',
    severity: 'low',
    direction: 'inbound',
    from: ['client'],
    probe: 'tcp',
    port,
    expect: { state: ['open'] },
    insideWindow: { expect: { state: ['closed'] } },
    ...more,
  })
  const policy = (name: string, rules: object[], parameters: object = {}) => ({
    name,
    title: 'Connects to a monitored port',
    parameters,
    rules,
    windows: { selfApproval: true },
  })
  const indexes = Array.from({ length: slots }, (_, index) => index)
  const byParameter = (index: number) => rule(`rule${index}`, { host: `${'$'}{h${index}}`, when: `${'$'}{h${index}}` })
  const parameters = (defaults: readonly string[] = []) =>
    Object.fromEntries(
      indexes.map((index) => [`h${index}`, { type: 'host', ...(index in defaults && { default: defaults[index] }) }]),
    )
  return {
    addressPolicy: policy('by-address', [rule('probe')]),
    parameterPolicy: policy('by-parameter', indexes.map(byParameter), parameters()),
    hostsPolicy: (hosts: readonly string[]) =>
      policy(
        'by-host',
        hosts.map((host, index) => rule(`rule${index}`, { host })),
      ),
    defaultsPolicy: (hosts: readonly string[]) => policy('by-default', indexes.map(byParameter), parameters(hosts)),
  }
}

/** Maximum hosts as parameters of a policy. */
const slots = 200
/** Maximum parameters of a target. */
const maxParameters = 100

const paramsOf = (hosts: readonly string[], from = 0, to = hosts.length) =>
  Object.fromEntries(hosts.slice(from, to).map((host, index) => [`h${from + index}`, host]))

/** The index of the host that a validation issue refers to. */
function hostIndexOf({ pointer, detail }: { pointer: string; detail: string }): number | undefined {
  const [, index] = /\bh(\d+)\b/.exec(`${pointer} ${detail}`) ?? /\/(\d+)/.exec(pointer) ?? []
  return index === undefined ? undefined : Number(index)
}

const mapEntries = <K extends string, V, R>(all: Record<K, V>, make: (key: K, value: V) => [string, R]) =>
  Object.fromEntries((Object.entries(all) as [K, V][]).map(([key, value]) => make(key, value)))

interface Target {
  name: string
  address: string
  params?: Record<string, string>
}

const refusals = [400, 404, 414, 422]
/** Whether an offer was accepted; throws on any other response than a refusal. */
function isAccepted(response: ApiResponse | undefined): boolean {
  if (response && response.status < 300) return true
  expect(refusals, JSON.stringify(response?.body)).toContain(response?.status)
  return false
}

function succeeded(response: ApiResponse): ApiResponse {
  if (response.status >= 300) throw new Error(`status ${response.status}: ${JSON.stringify(response.body)}`)
  return response
}

/** Runs `size` at a time, in order. */
async function inParts<T, R>(all: readonly T[], work: (one: T) => Promise<R>, size = 20): Promise<R[]> {
  const results: R[] = []
  for (let at = 0; at < all.length; at += size) results.push(...(await Promise.all(all.slice(at, at + size).map(work))))
  return results
}

const bracketed = (host: string) => (host.includes(':') && !/[[@/]/.test(host) ? `[${host}]` : host)

const cell = (text: string) => `"${text.replaceAll('"', '""')}"`
const toCsv = (targets: readonly Target[]) =>
  ['name,address,params']
    .concat(
      targets.map(({ name, address, params }) =>
        [name, address, params ? JSON.stringify(params) : ''].map(cell).join(','),
      ),
    )
    .join('\r\n')
const toNdjson = (targets: readonly Target[]) => targets.map((target) => `${JSON.stringify(target)}\n`).join('')
/** Without NUL, which makes XML unreadable. */
const toNmap = (targets: readonly Target[]) =>
  `<nmaprun>${targets
    .map(({ name, address }) => {
      const addr = address
        .replaceAll('\0', '')
        .replace(/[&<"]/g, (one) => ({ '&': '&amp;', '<': '&lt;', '"': '&quot;' })[one] ?? '')
      const type = address.includes(':') ? 'ipv6' : 'ipv4'
      return `<host><status state="up"/><address addr="${addr}" addrtype="${type}"/><hostnames><hostname name="${name}" type="user"/></hostnames></host>`
    })
    .join('\n')}</nmaprun>`
