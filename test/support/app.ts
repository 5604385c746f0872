import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import pino from 'pino'
import { type App, startApp } from '../../src/app/app.ts'
import { readConfig } from '../../src/config/index.ts'
import type { Audit } from '../../src/domain/audits.ts'
import type { Finding } from '../../src/domain/findings/finding.ts'
import type { PolicyDocument, PolicyRule } from '../../src/domain/policy/policy.ts'
import { acceptAudit } from '../../src/operations/audits/accept.ts'
import type { AuditRequest } from '../../src/operations/audits/resolve-request.ts'
import { ensurePolicy } from '../../src/operations/policies/put.ts'
import { createTestDatabase } from './database.ts'
import { query } from './database-server.ts'
import { ledgerKey } from './ledger.ts'
import { type Listening, listen } from './listen.ts'
import { databaseSettings } from './pooler.ts'

export interface TestApp extends App {
  url: string
  query<Row extends object>(statement: string): Promise<Row[]>
  /** Accepts an audit and returns its id; `startsAt` delays its planning. */
  accept(request: Partial<AuditRequest>, startsAt?: Date): Promise<string>
  /** The audit, once it has ended. */
  ended(auditId: string): Promise<Audit>
  findings(auditId: string): Promise<Finding[]>
  /** Closes the app and drops its database. */
  stop(): Promise<void>
}

/** The service without HTTP on a separate database; starts its worker with `work()`. */
export async function startTestApp(env: NodeJS.ProcessEnv = {}): Promise<TestApp> {
  const { url, drop } = await createTestDatabase()
  const app = await startTestAppOn(url, env)
  return {
    ...app,
    async stop() {
      await app.stop()
      await drop()
    },
  }
}

/** Another instance on an existing database, which it keeps. */
export async function startTestAppOn(url: string, env: NodeJS.ProcessEnv = {}): Promise<TestApp> {
  const config = readConfig({
    ...databaseSettings(url),
    PORTWARDEN_PROBE_TIMEOUT_MS: '1000',
    PORTWARDEN_LEDGER_KEY: ledgerKey,
    PORTWARDEN_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    PORTWARDEN_DATA_DIR: tmpdir(),
    ...env,
  })
  const app = await startApp(config, { exclusive: true, log: pino({ level: 'silent' }) })
  await ensurePolicy(app, ports, 'test')
  // Like a worker, so that audits can be planned before one runs.
  for (const vantage of config.vantages) await app.stores.vantages.announce(vantage)
  return {
    ...app,
    url,
    query: (statement) => query(url, [statement]),
    async accept(request, startsAt) {
      const whole = { policy: ports.name, targets: [{ name: 'host', address: '127.0.0.1' }], ...request }
      return (await acceptAudit(app, whole, { trigger: 'test', requestedBy: 'test', startsAt })).auditId
    },
    async ended(auditId) {
      for (;;) {
        const woken = app.notifications.waitForEnd(auditId, 20_000)
        const audit = await app.stores.audits.find(auditId)
        if (!audit) throw new Error(`there is no audit ${auditId}`)
        if (audit.finishedAt !== null) return audit
        await woken
      }
    },
    findings: async (auditId) =>
      (await app.stores.findings.list(auditId, { limit: 10_000 })).items.map(({ finding }) => finding),
    stop: app.close,
  }
}

const rule = (id: string, more: Partial<PolicyRule>): PolicyRule => ({
  id,
  title: id,
  severity: 'high',
  direction: 'inbound',
  from: ['client'],
  probe: 'tcp',
  port: 1,
  expect: { state: ['open'] },
  ...more,
})

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are the placeholders of policies
/** A policy with one port that must be open, one that must be closed, and one rule without a vantage. */
export const ports: PolicyDocument = {
  name: 'ports',
  title: 'Ports',
  parameters: {
    openPort: { type: 'port', required: true },
    closedPort: { type: 'port', required: true },
    httpsPort: { type: 'port' },
  },
  rules: [
    rule('must-be-open', { port: '${openPort}' }),
    rule('must-be-unreachable', { port: '${closedPort}', expect: { state: ['closed', 'filtered'] } }),
    rule('from-elsewhere', { port: '${openPort}', from: ['elsewhere'] }),
    rule('when-https', {
      when: '${httpsPort}',
      probe: 'https',
      port: '${httpsPort}',
      expect: { http: { answers: true } },
    }),
  ],
}
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are the placeholders of policies

/** A loopback port that accepts connections and stays silent. */
export const listenSilently = (): Promise<Listening> => listen(createServer((socket) => socket.on('error', () => {})))
