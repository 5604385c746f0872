import { describe, expect, test } from 'vitest'
import { ConfigError, readConfig } from '../../src/config/index.ts'

test('nothing set is a service on loopback with the embedded database', () => {
  const config = readConfig({})
  expect(config).toMatchObject({ listening: { host: '127.0.0.1', port: 8080 }, databaseUrl: undefined })
  expect(config.vantages).toMatchObject([{ name: 'local', zones: ['client'], canary: [], credentials: [] }])
  expect(Object.isFrozen(config)).toBe(true)
})

const refused: [variable: string, value: string][] = [
  ['PORT', 'eighty'],
  ['PORT', '65536'],
  ['DATABASE_URL', 'mysql://db/portwarden'],
  ['DATABASE_DIRECT_URL', 'mysql://db/portwarden'],
  ['PORTWARDEN_VANTAGE', 'Branch Office'],
  ['PORTWARDEN_VANTAGE', 'branch-office,'],
  ['PORTWARDEN_VANTAGE', 'dmz,dmz'],
  ['PORTWARDEN_ZONES', 'client,,'],
  ['PORTWARDEN_ZONES', 'client;server'],
  ['PORTWARDEN_ALLOW', '10.0.0.0/33'],
  ['PORTWARDEN_CREDENTIALS', 'AD_AUDIT@10.0.0.0/8'],
  ['PORTWARDEN_CREDENTIALS', 'env:AD_AUDIT'],
  ['PORTWARDEN_CANARY', '10.0.0.1'],
  ['PORTWARDEN_CANARY', '127.1:22'],
  ['PORTWARDEN_PROBE_TIMEOUT_MS', '0'],
  ['PORTWARDEN_LOG_LEVEL', 'loud'],
  ['PORTWARDEN_RETENTION_DAYS', '-1'],
  ['PORTWARDEN_LEDGER_KEY', 'short'],
]
test.each(refused)('%s=%s is refused by its name', (variable, value) => {
  expect(() => readConfig({ [variable]: value })).toThrow(ConfigError)
  expect(() => readConfig({ [variable]: value })).toThrow(variable)
})

test.each([
  'postgres//portwarden:hunter2@db/portwarden',
  'postgresql://portwarden:hunter2@#ss@db/portwarden',
  'postgresql://portwarden:p@hunter2#ss@db/portwarden',
  'postgresql://portwarden:1/hunter2@db/portwarden',
  'postgresql://portwarden:1?hunter2@db/portwarden',
])('the refusal of %s shows a valid example, and not the value, which may be a secret', (url) => {
  expect(() => readConfig({ DATABASE_URL: url })).toThrow(/postgresql:\/\/portwarden:secret@.*encode @ as %40/)
  expect(() => readConfig({ DATABASE_URL: url })).not.toThrow(/hunter2/)
})

test('a canary that may not be dialled is refused: it would make the vantage appear offline', () => {
  const canary = { PORTWARDEN_CANARY: '192.0.2.1:443' }
  expect(() => readConfig(canary)).toThrow(/PORTWARDEN_ALLOW does not allow/)
  const [vantage] = readConfig({ ...canary, PORTWARDEN_ALLOW: '192.0.2.0/24' }).vantages
  expect(vantage.canary).toEqual([{ host: '192.0.2.1', port: 443 }])
})

test('a credential reference may have several networks', () => {
  const [vantage] = readConfig({ PORTWARDEN_CREDENTIALS: 'env:AD@10.0.0.0/8, file:/run/ad@192.0.2.0/24' }).vantages
  expect(vantage.credentials).toEqual([
    { ref: 'env:AD', destinations: ['10.0.0.0/8'] },
    { ref: 'file:/run/ad', destinations: ['192.0.2.0/24'] },
  ])
})

test('who vouches for hosts that get credentials is read from a file of certificates', async () => {
  const [vantage] = readConfig({}).vantages
  expect(vantage.credentialCa).toBeUndefined()
  expect(() => readConfig({ PORTWARDEN_CREDENTIAL_CA: '/nonexistent' })).toThrow(
    /PORTWARDEN_CREDENTIAL_CA names .*ENOENT/,
  )
  expect(() => readConfig({ PORTWARDEN_CREDENTIAL_CA: '/dev/null' })).toThrow(
    /without a certificate in PEM: \/dev\/null/,
  )
})

describe('a process that serves several vantages', () => {
  const env = { PORTWARDEN_VANTAGE: 'office, dmz' }

  test('takes what has no name for all of them', () => {
    const { vantages } = readConfig({ ...env, PORTWARDEN_ZONES: 'client,support', PORTWARDEN_CANARY: '10.0.0.1:22' })
    const same = { zones: ['client', 'support'], canary: [{ host: '10.0.0.1', port: 22 }] }
    expect(vantages).toMatchObject([
      { name: 'office', ...same },
      { name: 'dmz', ...same },
    ])
  })

  test('takes for each what stands behind its name: zones, networks, canaries and credentials', () => {
    const { vantages } = readConfig({
      ...env,
      PORTWARDEN_ZONES: 'office=client,support; dmz=untrusted',
      PORTWARDEN_ALLOW: 'dmz=192.0.2.0/24:443+22-25,[fd00::/8]:443;office=10.0.0.0/8',
      PORTWARDEN_CANARY: 'dmz=192.0.2.1:443',
      PORTWARDEN_CREDENTIALS: 'office=env:AD@10.0.0.0/8,file:/run/a=b@10.1.0.0/16',
    })
    const [office, dmz] = vantages
    expect(office).toEqual({
      name: 'office',
      zones: ['client', 'support'],
      allow: [{ cidr: '10.0.0.0/8' }],
      canary: [],
      credentials: [
        { ref: 'env:AD', destinations: ['10.0.0.0/8'] },
        { ref: 'file:/run/a=b', destinations: ['10.1.0.0/16'] },
      ],
    })
    expect(dmz).toMatchObject({ zones: ['untrusted'], canary: [{ host: '192.0.2.1', port: 443 }], credentials: [] })
    expect(dmz?.allow).toHaveLength(2)
  })

  test.each([
    ['PORTWARDEN_ZONES', 'office=client', 'PORTWARDEN_ZONES has no value for dmz'],
    ['PORTWARDEN_ALLOW', 'dmz=10.0.0.0/8', 'PORTWARDEN_ALLOW has no value for office'],
    [
      'PORTWARDEN_ZONES',
      'office=client;dmz=x;shop=y',
      'PORTWARDEN_ZONES names shop, which PORTWARDEN_VANTAGE does not',
    ],
    ['PORTWARDEN_CANARY', 'dmz=10.0.0.1:1;dmz=10.0.0.2:1', 'PORTWARDEN_CANARY names a vantage twice'],
    ['PORTWARDEN_CANARY', 'office=192.0.2.1:1', 'PORTWARDEN_ALLOW does not allow'],
    ['PORTWARDEN_ZONES', 'client;dmz=untrusted', 'PORTWARDEN_ZONES'],
  ])('does not start with %s=%s', (variable, value, message) => {
    expect(() => readConfig({ ...env, [variable]: value })).toThrow(ConfigError)
    expect(() => readConfig({ ...env, [variable]: value })).toThrow(message)
  })
})
