import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createCredentials } from '../../../src/probes/ldap/credentials.ts'
import { makeTempDir } from '../../support/temp-dir.ts'

const secret = { user: 'audit@lab.test', password: 'a secret of the tests' }
const env = { LDAP: JSON.stringify(secret), EMPTY: JSON.stringify({ ...secret, password: '' }), BROKEN: '{' }
const dc = (address: string) => ({ host: 'dc1.lab.test', address, port: 389 })
const networks = ['10.0.0.0/8', 'fd00::/8']

test('a credential is read from the environment and from a file, for a destination inside its networks', async () => {
  const directory = await makeTempDir('credential')
  onTestFinished(directory.remove)
  const path = join(directory.path, 'credential.json')
  await writeFile(path, JSON.stringify({ ...secret, comment: 'not passed on' }))
  const grants = ['env:LDAP', `file:${path}`].map((ref) => ({ ref, destinations: networks }))
  const credential = createCredentials(grants, env)
  for (const { ref } of grants) {
    expect(await credential(ref, dc('10.1.2.3'))).toEqual(secret)
    expect(await credential(ref, dc('fd00::5'))).toEqual(secret)
    expect(await credential(ref, dc('::ffff:10.1.2.3'))).toEqual(secret)
  }
})

test('a credential with grants for several hosts is read for each of them, and for no other', async () => {
  const grants = ['10.0.0.10/32', '10.0.0.11/32'].map((network) => ({ ref: 'env:LDAP', destinations: [network] }))
  const credential = createCredentials(grants, env)
  for (const address of ['10.0.0.10', '10.0.0.11']) expect(await credential('env:LDAP', dc(address))).toEqual(secret)
  expect(await credential('env:LDAP', dc('10.0.0.12'))).toBe('credential-not-allowed')
})

test('a credential is not allowed for a destination outside its networks, and is not even read for it', async () => {
  const unread = new Proxy({}, { get: () => expect.unreachable('the credential was read') })
  const credential = createCredentials([{ ref: 'env:LDAP', destinations: networks }], unread)
  for (const address of ['192.0.2.1', '::1', '2001:db8::1', '::ffff:192.0.2.1']) {
    expect(await credential('env:LDAP', dc(address))).toBe('credential-not-allowed')
  }
})

test('a reference without a grant is unavailable, even if its source exists', async () => {
  const credential = createCredentials([{ ref: 'env:OTHER', destinations: networks }], env)
  expect(await credential('env:LDAP', dc('10.1.2.3'))).toBe('credential-unavailable')
  expect(await credential('file:/etc/hostname', dc('10.1.2.3'))).toBe('credential-unavailable')
})

test.for([
  ['a missing variable', 'env:ABSENT'],
  ['a missing file', 'file:/nonexistent/credential.json'],
  ['what is not JSON', 'env:BROKEN'],
  ['an empty password, which would bind anonymously', 'env:EMPTY'],
] as const)('%s is unavailable', async ([, ref]) => {
  const credential = createCredentials([{ ref, destinations: networks }], env)
  expect(await credential(ref, dc('10.1.2.3'))).toBe('credential-unavailable')
})

test('a grant whose destination is not a network is refused', () => {
  expect(() => createCredentials([{ ref: 'env:LDAP', destinations: ['lab.test'] }], env)).toThrow()
})
