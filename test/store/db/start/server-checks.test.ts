import { expect, test } from 'vitest'
import { refusalOf, settingsRefusal } from '../../../../src/store/db/start/server-checks.ts'

const usable = {
  database: 'portwarden',
  role: 'portwarden',
  version: 150_004,
  versionName: '15.4',
  encoding: 'UTF8',
  isStandby: false,
  isReadOnly: false,
  triggers: 'origin',
  synchronousCommit: 'on',
  transactionTimeout: null,
  dateStyle: 'ISO, MDY',
  timeZone: 'UTC',
  schema: 'public',
  searchPath: '"$user", public',
  hasTables: true,
  server: '5 2026-01-01',
}

test('a usable server is taken', () => {
  expect(refusalOf(usable, 'serve')).toBeUndefined()
  expect(refusalOf({ ...usable, isStandby: true, isReadOnly: true }, 'read')).toBeUndefined()
})

test.each([{ dateStyle: 'ISO, DMY' }, { timeZone: 'Europe/Berlin' }])(
  'a way that drops settings, so that there is %j, is refused',
  (facts) => {
    expect(settingsRefusal({ ...usable, ...facts })).toContain('drops the session settings')
    expect(settingsRefusal(usable)).toBeUndefined()
  },
)

test.each([
  [{ version: 140_012, versionName: '14.12' }, 'PostgreSQL 14.12 is too old; version 15 or newer is needed'],
  [{ encoding: 'LATIN1' }, 'its encoding is LATIN1'],
  [{ encoding: 'SQL_ASCII' }, 'its encoding is SQL_ASCII'],
  [{ schema: null }, 'no schema of the search path ("$user", public) exists'],
  [{ isStandby: true, isReadOnly: true }, 'the server is a standby'],
  [{ isReadOnly: true }, 'its transactions are read-only'],
  [{ triggers: 'replica' }, 'session_replication_role is replica'],
])('a server with %j is refused', (facts, sentence) => {
  expect(refusalOf({ ...usable, ...facts }, 'serve')).toContain(sentence)
})

test('a command that reads needs the tables', () => {
  expect(refusalOf({ ...usable, hasTables: false }, 'read')).toBe('the schema public holds no tables of Portwarden')
})
