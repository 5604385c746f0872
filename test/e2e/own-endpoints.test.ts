import { afterAll, beforeAll, expect, test } from 'vitest'
import { startService, type TestService } from '../support/service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ env: { PORT: '0' } })
})
afterAll(() => service.stop())

test('neither the listener that was bound to a free port nor the database is dialled by an audit', async () => {
  const listener = Number(new URL(await service.listen()).port)
  const database = Number(new URL(service.url).port || 5432)
  const targets = [
    { name: 'here', address: '127.0.0.1' },
    { name: 'here-by-name', address: 'localhost' },
  ]
  const auditId = await service.accept({ targets, params: { openPort: listener, closedPort: database } })
  await service.ended(auditId)
  const findings = (await service.findings(auditId)).filter(({ rule }) => rule.startsWith('must-be'))
  expect(findings).toHaveLength(4)
  expect(new Set(findings.map(({ result, reason }) => `${result} ${reason.code}`))).toEqual(
    new Set(['error egress-denied']),
  )
})
