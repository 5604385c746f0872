import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { listenSilently, startTestApp } from '../../support/app.ts'
import { type Listening, listen } from '../../support/listen.ts'
import { freePort } from '../../support/ports.ts'

/** A vantage with these canary endpoints, which audits one target: what must be open, closed, and respond to HTTPS. */
async function startVantage(canary: readonly { host: string; port: number }[], params: Record<string, number>) {
  const app = await startTestApp({ PORTWARDEN_CANARY: canary.map(({ host, port }) => `${host}:${port}`).join(',') })
  await app.work()
  return {
    stop: app.stop,
    async audit() {
      const auditId = await app.accept({ params })
      const { counts, verdict } = await app.ended(auditId)
      const findings = (await app.findings(auditId)).filter(({ rule }) => rule !== 'from-elsewhere')
      const seen = findings.map(({ rule, result, state, reason }) => ({ rule, result, state, reason: reason.code }))
      return { counts, verdict, seen, findings }
    },
  }
}

/** A listener that counts who comes. */
async function listenCounting(): Promise<Listening & { visits: () => number }> {
  let visits = 0
  const server = createServer((socket) => {
    visits += 1
    socket.on('error', () => {}).end()
  })
  return { ...(await listen(server)), visits: () => visits }
}

const offline = { result: 'unknown', state: 'unknown', reason: 'vantage-offline' }

describe('the findings of a vantage', () => {
  test('stand while one of its canary endpoints responds', async () => {
    const [canary, target] = [await listenSilently(), await listenSilently()]
    const dead = { host: '127.0.0.1', port: await freePort() }
    const vantage = await startVantage([dead, canary], { openPort: target.port, closedPort: await freePort() })
    const { verdict, seen } = await vantage.audit()
    expect(verdict).toBe('pass')
    expect(seen).toMatchObject([
      { rule: 'must-be-open', result: 'pass', state: 'open' },
      { rule: 'must-be-unreachable', result: 'pass', state: 'closed' },
      { rule: 'when-https', result: 'notapplicable' },
    ])
    await Promise.all([vantage.stop(), canary.close(), target.close()])
  })

  test('are unknown when none responded at the start, and then the targets are not even dialled', async () => {
    const target = await listenCounting()
    const canary = [await freePort(), await freePort()].map((port) => ({ host: '127.0.0.1', port }))
    const vantage = await startVantage(canary, { openPort: target.port, closedPort: await freePort() })
    const { verdict, counts, seen, findings } = await vantage.audit()
    expect(verdict).toBe('inconclusive')
    expect(counts).toMatchObject({ pass: 0, fail: 0, unknown: 2, error: 0 })
    expect(seen.slice(0, 2)).toEqual([
      { rule: 'must-be-open', ...offline },
      { rule: 'must-be-unreachable', ...offline },
    ])
    expect(findings.map(({ evidence, attempts }) => ({ evidence, attempts }))).toEqual(
      findings.map(() => ({ evidence: null, attempts: 0 })),
    )
    expect(target.visits()).toBe(0)
    await Promise.all([vantage.stop(), target.close()])
  })

  test('are unknown when none responds at the end, despite observations in between; the next ones stand again', async () => {
    const canary = await listen(createServer(), '127.0.0.1', await freePort())
    let cut: Promise<void> | undefined
    // The network breaks in the middle: the target hangs up only when the canary is gone.
    const target = await listen(
      createServer(async (socket) => {
        socket.on('error', () => {})
        cut ??= canary.close()
        await cut
        socket.end()
      }),
    )
    const other = await listenSilently()
    const ports = { openPort: other.port, closedPort: await freePort(), httpsPort: target.port }
    const vantage = await startVantage([canary], ports)
    const { verdict, seen } = await vantage.audit()
    expect(verdict).toBe('inconclusive')
    expect(seen).toEqual(['must-be-open', 'must-be-unreachable', 'when-https'].map((rule) => ({ rule, ...offline })))

    const restored = await listen(createServer(), canary.host, canary.port)
    const believed = await vantage.audit()
    expect(believed.verdict).toBe('fail')
    expect(believed.seen).toMatchObject([
      { rule: 'must-be-open', result: 'pass' },
      { rule: 'must-be-unreachable', result: 'pass' },
      { rule: 'when-https', result: 'fail', state: 'open', reason: 'connection-closed' },
    ])
    await Promise.all([vantage.stop(), restored.close(), other.close(), target.close()])
  })
})
