import { expect, test } from 'vitest'
import { conditionText, demandsOf, statesText } from '../../../../src/console/pages/policies/expectation.ts'
import { type GroupName, groups } from '../../../../src/domain/protocols/index.ts'

test.each([
  [{}, 'open'],
  [{ state: ['closed', 'filtered'] }, 'closed or filtered'],
])('the allowed states of %j are %s', (expectation, text) => {
  expect(statesText(expectation)).toBe(text)
})

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are the placeholders of policies
test.each<[Record<string, unknown>, string[]]>([
  [{ tls: { minVersion: 'TLSv1.2', trusted: true } }, ['TLSv1.2 or newer', 'its certificate is trusted']],
  [{ tls: { trusted: false, allowSelfSigned: false } }, []],
  [{ http: { plainServed: false } }, ['serves nothing in clear']],
  [{ tls: { refuses: ['SSLv3', 'TLSv1'] } }, ['refuses SSLv3 or TLSv1']],
  [{ tls: { minDaysLeft: '${minDaysLeft}' } }, ['its certificate is valid for ${minDaysLeft} more days']],
  [{ hostAnswered: '${strict}' }, ['silence counts only if the host responds on another port, if ${strict} is true']],
  [
    { ldap: { activeDirectory: { value: '${directory}', equals: 'ad' } } },
    ['is Active Directory, if ${directory} is ad'],
  ],
  [{ ldap: { bind: { credentialRef: 'env:AD' } } }, ['accepts a bind with env:AD']],
  [{ later: { field: 3 } }, ['later.field: 3']],
])('%j demands %j', (expectation, demands) => {
  expect(demandsOf(expectation)).toEqual(demands)
})

test.each([
  ['${domainController}', '${domainController} has a value'],
  [{ value: '${uiPort}', differsFrom: '${clientPort}' }, '${uiPort} is not ${clientPort}'],
])('the condition %j reads %s', (condition, text) => {
  expect(conditionText(condition)).toBe(text)
})
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: these are the placeholders of policies

/** The paths of the fields of a schema. */
const fieldsOf = (schema: object, prefix: string): string[] =>
  Object.entries<object>('properties' in schema ? { ...(schema.properties as object) } : {}).flatMap(([name, field]) =>
    'properties' in field ? fieldsOf(field, `${prefix}${name}.`) : [prefix + name],
  )

const fields = Object.entries(groups).flatMap(([name, { schema }]) => fieldsOf(schema, `${name as GroupName}.`))

test.each(fields)('a person reads %s in words', (field) => {
  const [leaf = '', ...path] = field.split('.').reverse()
  const value = field !== 'http.plainServed'
  const nested = path.reduce<Record<string, unknown>>((inner, name) => ({ [name]: inner }), { [leaf]: value })
  expect(demandsOf(nested)).not.toEqual([`${field}: ${value}`])
  expect(demandsOf(nested)).toHaveLength(1)
})
