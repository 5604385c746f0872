import { expect, test } from 'vitest'
import { ConfigError, readConfig } from '../src/config.ts'

test('nothing set is a service on loopback with the embedded database', () => {
  const config = readConfig({})
  expect(config).toMatchObject({ host: '127.0.0.1', port: 8080, databaseUrl: undefined })
  expect(config).toMatchObject({ vantage: { name: 'local', zones: ['client'] }, canary: [], credentials: [] })
  expect(Object.isFrozen(config)).toBe(true)
})

const refused: [variable: string, value: string][] = [
  ['PORT', 'eighty'],
  ['PORT', '65536'],
  ['DATABASE_URL', 'mysql://db/portwarden'],
  ['PORTWARDEN_VANTAGE', 'Branch Office'],
  ['PORTWARDEN_ZONES', 'client,,'],
  ['PORTWARDEN_ALLOW', '10.0.0.0/33'],
  ['PORTWARDEN_CREDENTIALS', 'AD_AUDIT@10.0.0.0/8'],
  ['PORTWARDEN_CREDENTIALS', 'env:AD_AUDIT'],
  ['PORTWARDEN_CANARY', '10.0.0.1'],
  ['PORTWARDEN_CANARY', '127.1:22'],
  ['PORTWARDEN_PROBE_TIMEOUT_MS', '0'],
  ['PORTWARDEN_LOG_LEVEL', 'loud'],
  ['PORTWARDEN_RETENTION_DAYS', '-1'],
]
test.each(refused)('%s=%s is refused by its name', (variable, value) => {
  expect(() => readConfig({ [variable]: value })).toThrow(ConfigError)
  expect(() => readConfig({ [variable]: value })).toThrow(variable)
})

test('a refusal shows a valid example, and not the value, which may be a secret', () => {
  const url = 'postgres//portwarden:hunter2@db/portwarden'
  expect(() => readConfig({ DATABASE_URL: url })).toThrow(/postgresql:\/\/portwarden:secret@/)
  expect(() => readConfig({ DATABASE_URL: url })).not.toThrow(/hunter2/)
})

test('a canary that may not be dialled is refused: it would make the vantage look cut off', () => {
  const canary = { PORTWARDEN_CANARY: '192.0.2.1:443' }
  expect(() => readConfig(canary)).toThrow(/PORTWARDEN_ALLOW does not allow/)
  expect(readConfig({ ...canary, PORTWARDEN_ALLOW: '192.0.2.0/24' }).canary).toEqual([{ host: '192.0.2.1', port: 443 }])
})

test('a credential reference may have several networks', () => {
  const grants = readConfig({ PORTWARDEN_CREDENTIALS: 'env:AD@10.0.0.0/8, file:/run/ad@192.0.2.0/24' }).credentials
  expect(grants).toEqual([
    { ref: 'env:AD', destinations: ['10.0.0.0/8'] },
    { ref: 'file:/run/ad', destinations: ['192.0.2.0/24'] },
  ])
})
