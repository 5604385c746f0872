import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { reprobeWindow } from '../../src/operations/exceptions/reprobe-window.ts'
import type { ApiResponse, TestService } from './service.ts'

/** A way by which somebody can tell the service where to dial. */
export interface EntryPoint {
  /** The places of the API that it goes through, as `openings` names them. */
  openings: readonly string[]
  /** Offers hosts, and waits until those that were taken have been dialled; answers how many that were. */
  offer(hosts: readonly string[]): Promise<number>
}

/** Places that take names and texts, which nobody dials. */
export const neverDialled = [
  / (path|header) \S+$/,
  / query (actor|by|correlationId|cursor|externalId|framework|from|head|label\/-|policy|rule|subject|ticket|to|vantage)$/,
  /^GET \/v1\/\S+ query target$/,
  / body \/(audit\/)?(policy|reason|targets\/-|targets\/labels\/\*|vantages\/-)$/,
  / body \/(authorization|correlationId|cron|description|externalId|labels\/\*|name|roles\/-|rules\/-|scopes\/-|ticket|timeZone|version|zones\/-)$/,
  / body \/filter\/(labels\/\*|policies\/-)$/,
  / body \/items\/-\/(policy|rule|target|vantage)$/,
  / body \/targets\/-\/(externalId|labels\/\*|name|roles\/-)$/,
  // What an agent saw; and drafts, which are checked, or judged by facts that are known.
  /^POST \/v1\/vantages\/{name}\/leases\/{id}\/observations body /,
  /^POST \/v1\/policies\/(validate|preview) /,
]

/** Every entry point of the API. `port` is dialled; `allowed` is a host that may be. The service must look from the zone `client`. */
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
  for (const body of [addressPolicy, parameterPolicy]) mustBe(await call('PUT', `/v1/policies/${body.name}`, body))
  await service.stores.targets.save([{ name: 'there', address: allowed }])
  const [byAddress, byParameter] = [addressPolicy.name, { policy: parameterPolicy.name, targets: ['there'] }]

  const ended = async (...ids: unknown[]) => void (await Promise.all(ids.map((id) => service.ended(String(id)))))
  const audit = (body: object) => call('POST', '/v1/audits', body)
  const endedAudit = (answer: ApiResponse) => ended(answer.body.id)

  /** Offers many hosts in a request, again and again without those that it was refused for; what is left is dialled. */
  const together = (
    openings: readonly string[],
    send: (hosts: readonly string[]) => Promise<ApiResponse>,
    dial: (answer: ApiResponse) => Promise<unknown> = endedAudit,
  ): EntryPoint => ({
    openings,
    async offer(hosts) {
      let taken = 0
      for (let at = 0; at < hosts.length; at += slots) taken += await offerSome(hosts.slice(at, at + slots))
      return taken
      async function offerSome(some: readonly string[]): Promise<number> {
        if (some.length === 0) return 0
        const answer = await send(some)
        if (isAccepted(answer)) {
          await dial(answer)
          return some.length
        }
        const wrong = new Set(answer.body.errors.map(placeOf))
        expect([...wrong], JSON.stringify(answer.body)).not.toContain(undefined)
        return offerSome(some.filter((_, place) => !wrong.has(place)))
      }
    },
  })
  /** Offers each host in a request of its own; what was taken is dialled. */
  const each = (
    openings: readonly string[],
    send: (host: string) => Promise<ApiResponse>,
    dial: (answers: readonly ApiResponse[]) => Promise<unknown> = async () => {},
  ): EntryPoint => ({
    openings,
    async offer(hosts) {
      const taken = (await inParts(hosts, send)).filter(isAccepted)
      await dial(taken)
      return taken.length
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

  /** Targets that each have some of the hosts as parameters, which nobody looks at before an audit. */
  const targetsWith = (hosts: readonly string[]): Target[] =>
    Array.from({ length: Math.ceil(hosts.length / mostParameters) }, (_, part) => ({
      name: newName(),
      address: allowed,
      params: paramsOf(hosts, part * mostParameters, (part + 1) * mostParameters),
    }))
  const parametersOfTargets = (openings: string[], save: (targets: readonly Target[]) => Promise<ApiResponse>) =>
    together(openings, async (hosts) => {
      const targets = targetsWith(hosts)
      const answer = await save(targets)
      if (!isAccepted(answer)) return answer
      return audit({ policy: parameterPolicy.name, targets: targets.map(({ name }) => name) })
    })
  const addressesOfTargets = (type: string, write: (targets: readonly Target[]) => string): EntryPoint => ({
    openings: [`POST /v1/targets/import ${type}`],
    async offer(hosts) {
      const rows = hosts.map((address) => ({ name: newName(), address }))
      mustBe(await importing(type, write(rows), true))
      const names = (await service.stores.targets.findByNames(rows.map(({ name }) => name))).map(({ name }) => name)
      await endedAudit(mustBe(await audit({ policy: byAddress, targets: names })))
      return names.length
    },
  })

  const scheduleOf = (hosts: readonly string[]) => ({
    ...{ cron: '0 2 * * *', missed: 'once' },
    audit: { ...byParameter, params: paramsOf(hosts) },
  })
  const newSchedule = (hosts: readonly string[]) =>
    call('POST', '/v1/schedules', { name: newName(), ...scheduleOf(hosts) })
  const changedSchedule = async (method: 'PUT' | 'PATCH', hosts: readonly string[]) => {
    const { name } = mustBe(await newSchedule([allowed])).body
    return call(method, `/v1/schedules/${name}`, scheduleOf(hosts))
  }
  const tick = async ({ body: { name } }: ApiResponse) => {
    const schedule = await service.stores.schedules.find(name)
    if (!schedule) throw new Error(`there is no schedule ${name}`)
    await service.scheduler.settle(schedule.id, new Date(Date.now() + 86_400_000))
    await ended((await service.stores.schedules.runs(schedule.id, { limit: 1 })).items[0]?.auditId)
  }

  const probeBehind = async ({ body: { id } }: ApiResponse) => {
    mustBe(await call('POST', `/v1/windows/${id}/approve`, {}))
    await reprobeWindow(service, { windowId: id, reprobe: 0 }, new Date(Date.now() + 7_200_000))
    await ended((await service.stores.windows.find(id))?.reprobeAuditId)
  }
  const windowWith = async (hosts: readonly string[]) => {
    const name = newName()
    await service.stores.targets.save([{ name, address: allowed }])
    const [from, to] = [new Date(), new Date(Date.now() + 3_600_000)]
    const rules = hosts.map((_, place) => `look${place}`)
    const asked = { policy: parameterPolicy.name, rules, targets: [name], ticket: 'T', reason: 'r', from, to }
    return call('POST', '/v1/windows', { ...asked, params: paramsOf(hosts) })
  }

  const policy = (type: string, documentOf: (hosts: readonly string[]) => { name: string }) =>
    together(
      [`PUT /v1/policies/{name} ${type === 'application/json' ? 'body' : type}`],
      // JSON is YAML, too.
      (hosts) => call('PUT', `/v1/policies/${documentOf(hosts).name}`, JSON.stringify(documentOf(hosts)), type),
      async ({ body: { name } }) => endedAudit(mustBe(await audit({ policy: name, targets: ['there'] }))),
    )

  const urlOf = (host: string) => `http://${bracketed(host)}:${port}/`
  // Of an event that does not come: an audit must be dialled for, and not told of.
  const newWebhook = (host: string) => call('POST', '/v1/webhooks', { url: urlOf(host), events: ['vantage.absent'] })
  const ping = async ({ body: { id } }: ApiResponse) => {
    const delivery = mustBe(await service.call('POST', `/v1/webhooks/${id}/ping`)).body.id
    await tried(id, (items) => items.some((item) => item.id === delivery && item.lastAttempt !== null))
  }
  const tried = (id: string, found: (items: { id: string; lastAttempt: unknown }[]) => boolean) =>
    expect
      .poll(async () => found((await service.call('GET', `/v1/webhooks/${id}/deliveries?limit=1000`)).body.items))
      .toBe(true)
  const { id: changedId } = mustBe(await newWebhook(allowed)).body
  const changeWebhook = (host: string) => call('PATCH', `/v1/webhooks/${changedId}`, { url: urlOf(host) })
  let called = 0

  return {
    'the address of a target that comes with an audit': together(['POST /v1/audits body /targets/-/address'], (hosts) =>
      audit({ policy: byAddress, targets: hosts.map((address) => ({ name: newName(), address })) }),
    ),
    'a parameter of a target that comes with an audit': together(
      ['POST /v1/audits body /targets/-/params/*'],
      (hosts) => audit({ policy: parameterPolicy.name, targets: targetsWith(hosts) }),
    ),
    'a parameter of an audit': together(['POST /v1/audits body /params/*'], (hosts) =>
      audit({ ...byParameter, params: paramsOf(hosts) }),
    ),
    'the callbackUrl of an audit': each(
      ['POST /v1/audits body /callbackUrl'],
      (host) => audit({ ...byParameter, callbackUrl: urlOf(host) }),
      async (answers) => {
        await ended(...answers.map(({ body }) => body.id))
        called += answers.length
        await tried('callbacks', (items) => items.filter(({ lastAttempt }) => lastAttempt).length === called)
      },
    ),
    ...mapEntries(savers, (method, save) => [
      `${method} of an address`,
      {
        openings: [`${method} ${pathOf[method]} body /address`],
        async offer(hosts: readonly string[]) {
          const targets = hosts.map((address) => ({ name: newName(), address }))
          const answers = await inParts(targets, save)
          const taken = targets.filter((_, index) => isAccepted(answers[index])).map(({ name }) => name)
          await endedAudit(mustBe(await audit({ policy: byAddress, targets: taken })))
          return taken.length
        },
      },
    ]),
    ...mapEntries(savers, (method, save) => [
      `${method} of a target's parameter`,
      parametersOfTargets([`${method} ${pathOf[method]} body /params/*`], async (targets) => {
        const answers = await inParts(targets, save)
        return answers.find((answer) => !isAccepted(answer)) ?? (answers[0] as ApiResponse)
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
    'a parameter of the look behind a window': together(['POST /v1/windows body /params/*'], windowWith, probeBehind),
    '/probe?target=': each(['GET /probe query target'], (host) => {
      const query = new URLSearchParams({ target: `${bracketed(host)}:${port}`, module: 'tcp_connect' })
      return service.call('GET', `/probe?${query}`)
    }),
    'the URL of a new webhook': each(['POST /v1/webhooks body /url'], newWebhook, (answers) => inParts(answers, ping)),
    'the URL of a webhook that is changed': {
      openings: ['PATCH /v1/webhooks/{id} body /url'],
      async offer(hosts) {
        const taken: string[] = []
        for (const host of hosts) if (isAccepted(await changeWebhook(host))) taken.push(host)
        for (const host of taken) await ping(mustBe(await changeWebhook(host)))
        return taken.length
      },
    },
  }
}

/** Policies that dial the address of a target, or up to `slots` hosts, at the port. */
function policiesFor(port: number) {
  const rule = (id: string, more: object = {}) => ({
    ...{ id, title: 'probe', severity: 'low', direction: 'inbound', from: ['client'], probe: 'tcp', port },
    ...{ expect: { state: ['open'] }, insideWindow: { expect: { state: ['closed'] } }, ...more },
  })
  const policy = (name: string, rules: object[], parameters: object = {}) => ({
    ...{ name, title: 'Where a connect would be noticed', parameters, rules, windows: { selfApproval: true } },
  })
  const places = Array.from({ length: slots }, (_, place) => place)
  const byParameter = (place: number) => rule(`look${place}`, { host: `${'$'}{h${place}}`, when: `${'$'}{h${place}}` })
  const parameters = (defaults: readonly string[] = []) =>
    Object.fromEntries(
      places.map((place) => [`h${place}`, { type: 'host', ...(place in defaults && { default: defaults[place] }) }]),
    )
  return {
    addressPolicy: policy('by-address', [rule('probe')]),
    parameterPolicy: policy('by-parameter', places.map(byParameter), parameters()),
    hostsPolicy: (hosts: readonly string[]) =>
      policy(
        'by-host',
        hosts.map((host, place) => rule(`look${place}`, { host })),
      ),
    defaultsPolicy: (hosts: readonly string[]) => policy('by-default', places.map(byParameter), parameters(hosts)),
  }
}

/** Hosts that a policy can have as parameters. */
const slots = 200
/** Parameters that a target can have. */
const mostParameters = 100

const paramsOf = (hosts: readonly string[], from = 0, to = hosts.length) =>
  Object.fromEntries(hosts.slice(from, to).map((host, index) => [`h${from + index}`, host]))

/** Which of the hosts of a request a mistake is about. */
function placeOf({ pointer, detail }: { pointer: string; detail: string }): number | undefined {
  const [, place] = /\bh(\d+)\b/.exec(`${pointer} ${detail}`) ?? /\/(\d+)/.exec(pointer) ?? []
  return place === undefined ? undefined : Number(place)
}

const mapEntries = <K extends string, V, R>(all: Record<K, V>, make: (key: K, value: V) => [string, R]) =>
  Object.fromEntries((Object.entries(all) as [K, V][]).map(([key, value]) => make(key, value)))

interface Target {
  name: string
  address: string
  params?: Record<string, string>
}

const refusals = [400, 404, 414, 422]
/** Whether an offer was taken; throws where it was answered as no offer may be. */
function isAccepted(answer: ApiResponse | undefined): boolean {
  if (answer && answer.status < 300) return true
  expect(refusals, JSON.stringify(answer?.body)).toContain(answer?.status)
  return false
}

function mustBe(answer: ApiResponse): ApiResponse {
  if (answer.status >= 300) throw new Error(`answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return answer
}

/** Some at a time, in their order. */
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
/** NUL cannot be in XML, and would make all of it unreadable. */
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
