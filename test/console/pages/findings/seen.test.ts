import { expect, test } from 'vitest'
import { compareExpected, decidingFacts, factEntries, factName } from '../../../../src/console/pages/findings/seen.ts'
import { type GroupName, groups } from '../../../../src/domain/protocols/index.ts'

/** The paths of the fields of a schema. */
const fieldsOf = (schema: object, prefix: string): string[] =>
  Object.entries<object>('properties' in schema ? { ...(schema.properties as object) } : {}).flatMap(([name, field]) =>
    'properties' in field ? fieldsOf(field, `${prefix}${name}.`) : [prefix + name],
  )

test('every field of an expectation names the facts that decide about it', () => {
  const fields = Object.entries(groups).flatMap(([name, { schema }]) => fieldsOf(schema, `${name as GroupName}.`))
  expect(fields.filter((field) => !Object.hasOwn(decidingFacts, field))).toEqual([])
})

test('what is expected stands beside what was seen, by address where they differ', () => {
  const evidence = {
    ...({ probe: 'ldap', host: 'dc', port: 389 } as const),
    addresses: {
      '10.0.0.1': { state: 'open', facts: { activeDirectory: true, tls: { protocol: 'TLSv1.2' } } },
      '10.0.0.2': { state: 'filtered', reason: 'timeout', facts: {} },
    },
  }
  const expected = { ldap: { activeDirectory: true }, tls: { minVersion: 'TLSv1.2', notRevoked: true } }
  expect(compareExpected(expected, 'open', evidence as never)).toEqual([
    { what: 'Port', expected: 'open', seen: '10.0.0.1: open; 10.0.0.2: filtered' },
    { what: 'TLS min version', expected: 'TLSv1.2 or newer', seen: '10.0.0.1: TLSv1.2' },
    { what: 'TLS not revoked', expected: 'its certificate is not revoked', seen: '' },
    { what: 'LDAP active directory', expected: 'is Active Directory', seen: '10.0.0.1: yes' },
  ])
})

test('without evidence the state is what was seen', () => {
  expect(compareExpected({ state: ['closed'] }, 'unknown', null)).toEqual([
    { what: 'Port', expected: 'closed', seen: 'unknown' },
  ])
})

test('facts are names and texts', () => {
  expect(factEntries({ certificate: { notAfter: 'x', sans: ['DNS:a', 'DNS:b'] }, trusted: false, chain: [] })).toEqual([
    ['Certificate not after', 'x'],
    ['Certificate sans', 'DNS:a, DNS:b'],
    ['Trusted', 'no'],
    ['Chain', 'none'],
  ])
  expect(factName('hostKey.sha256')).toBe('Host key SHA256')
})
