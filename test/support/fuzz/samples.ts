import { keptTarget } from './known.ts'

const day = 86_400_000
const inDays = (days: number) => new Date(Date.now() + days * day).toISOString()
/** In days, and not without end. */
const minutes = (n: number) => (n % 10_000) / 1_440
const reason = 'a test'
const ports = { policy: 'ports', params: { openPort: 9, closedPort: 9 } }

/** Bodies that are right, where one seldom comes by chance: their fields fit each other and what is there. No two numbers give the same name. */
export const bodies: Record<string, (n: number) => unknown> = {
  'POST /v1/audits': (n) => ({ ...ports, targets: [{ name: `new-${n}`, address: '127.0.0.1' }], vantages: ['local'] }),
  // Its name is right for one path of several.
  'PUT /v1/policies/{name}': (n) => ({
    name: '§policies§0§',
    title: `version ${n}`,
    rules: [
      {
        id: 'r',
        title: 'r',
        severity: 'low',
        direction: 'inbound',
        from: ['client'],
        probe: 'tcp',
        port: 9,
        expect: {},
      },
    ],
  }),
  'POST /v1/policies/propose': () => ({ targets: [keptTarget], vantages: ['branch'], ports: [9] }),
  'POST /v1/baselines': (n) => ({ name: `base-${n}`, audit: '§ended§0§', reason }),
  'POST /v1/baselines/{name}/approve': () => ({
    reason,
    items: [{ target: 'a', policy: 'ports', rule: 'must-be-open', vantage: 'local' }],
  }),
  'POST /v1/targets/import': (n) => `name,address\nimported-${n},127.0.0.1\n`,
  'POST /v1/keys': (n) => ({ name: `key-${n}`, scopes: ['reports:read'] }),
  'POST /v1/traces': () => ({ target: keptTarget, port: 9, vantage: 'branch' }),
  'POST /v1/waivers': () => ({
    policy: 'ports',
    rules: ['must-be-open'],
    targets: [keptTarget],
    reason,
    expiresAt: inDays(1),
  }),
  'POST /v1/waivers/effect': () => ({ policy: 'ports', rules: ['must-be-open'], targets: [keptTarget] }),
  'POST /v1/windows/effect': () => ({
    policy: 'netwrix-endpoint-protector',
    rules: ['ssh-support'],
    targets: [keptTarget],
  }),
  'POST /v1/schedules': (n) => ({
    name: `at-night-${n}`,
    cron: '30 2 * * *',
    audit: { ...ports, targets: [keptTarget] },
  }),
  'PATCH /v1/schedules/{name}': () => ({ enabled: false }),
  // Two that overlap are refused.
  'POST /v1/windows': (n) => ({
    ...{ policy: 'netwrix-endpoint-protector', rules: ['ssh-support'], targets: [keptTarget] },
    ...{ from: inDays(1 + minutes(n)), to: inDays(1 + minutes(n + 0.5)), ticket: 'CHG1', reason },
  }),
  'POST /v1/webhooks': () => ({ url: 'http://127.0.0.1:9/', events: ['audit.completed'] }),
}

/** Queries, for the same reason. */
export const queries: Record<string, [string, string][]> = {
  'GET /v1/policies/{name}/firewall': [
    ['target', keptTarget],
    ['zone', 'client'],
    ['source', '10.0.0.0/8'],
  ],
  'GET /probe': [
    ['target', '127.0.0.1:9'],
    ['module', 'tcp_connect'],
  ],
}
