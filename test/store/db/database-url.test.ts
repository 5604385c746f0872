import { describe, expect, test } from 'vitest'
import { connectionOptions } from '../../../src/store/db/connection.ts'
import { parseDatabaseUrl, withParameters } from '../../../src/store/db/database-url.ts'
import { checkSchemaName, queueSchemaOf } from '../../../src/store/db/schemas.ts'

test('every part of a URL is decoded', () => {
  expect(parseDatabaseUrl('postgresql://a%40b:p%2F%23%3A@[2001:db8::1]:6543/my%20db?schema=x')).toEqual({
    hosts: [{ host: '2001:db8::1', port: 6543 }],
    user: 'a@b',
    password: 'p/#:',
    database: 'my db',
    parameters: { schema: 'x' },
  })
})

test('the directory of a Unix socket is a host, in either form', () => {
  const hostsOf = (url: string) => parseDatabaseUrl(url).hosts
  const socket = [{ host: '/run/pg', port: undefined }]
  expect(hostsOf('postgresql://u@%2Frun%2Fpg/d')).toEqual(socket)
  expect(hostsOf('postgresql:///d?host=/run/pg')).toEqual(socket)
  const libpq = parseDatabaseUrl('postgresql://u:p%40@/d?host=/run/pg&port=6543')
  expect(libpq).toMatchObject({ hosts: [{ host: '/run/pg', port: 6543 }], user: 'u', password: 'p@', database: 'd' })
  expect(hostsOf('postgresql://u:p@:6543/d')).toEqual([{ host: 'localhost', port: 6543 }])
  expect(hostsOf(withParameters('postgresql://u@/d?host=/run/pg', { schema: 'x' }))).toEqual(socket)
})

test.each([
  [
    'postgresql://u:p%2C@a:1,[::1]:2,c/d?sslmode=disable&',
    [
      ['a', 1],
      ['::1', 2],
      ['c', undefined],
    ],
  ],
  [
    'postgresql://a,b/d?',
    [
      ['a', undefined],
      ['b', undefined],
    ],
  ],
  [
    'postgresql:///d?host=a,b&port=1,2&',
    [
      ['a', 1],
      ['b', 2],
    ],
  ],
  [
    'postgresql:///d?host=a,/run/pg&port=7&',
    [
      ['a', 7],
      ['/run/pg', 7],
    ],
  ],
])('several hosts are those of libpq: %s', (url, hosts) => {
  const expected = hosts.map(([host, port]) => ({ host, port }))
  const whole = `${url}target_session_attrs=read-write`
  expect(parseDatabaseUrl(whole).hosts).toEqual(expected)
  expect(parseDatabaseUrl(withParameters(whole, { schema: 'x' })).hosts).toEqual(expected)
})

describe('what the service cannot follow is refused by its name, without a value', () => {
  test.each([
    ['postgresql://u:s3cret@a,b/d', 'several hosts need target_session_attrs=read-write'],
    ['postgresql://u:s3cret@a:1,b:s3cret/d?target_session_attrs=primary', 'the port must be a number'],
    [
      'postgresql://u:s3cret@/d?host=a,b&port=1,2,3&target_session_attrs=primary',
      'there must be one port, or one for each',
    ],
    ['postgresql://u:s3cret@h/d?target_session_attrs=s3cret', 'target_session_attrs must be read-write or primary'],
    ['postgresql://u:s3cret@h/d?channel_binding=s3cret', 'the parameter channel_binding is not supported'],
    ['postgresql://u:s3cret@h/d?schema=a&schema=b', 'the parameter schema appears twice'],
    ['postgresql://u:s3cret@h/d?port=s3cret', 'the port must be a number'],
    ['postgresql://u:s3cret%zz@h/d', 'the password has a % that encodes no character'],
    ['postgresql://u:s3cret@h/d?connect_timeout=s3cret', 'connect_timeout must be a number of seconds'],
    ['postgresql://u:s3cret@h/d?sslmode=s3cret', 'sslmode must be one of disable, allow'],
    ['postgresql://u:s3cret@h/d?sslmode=require&sslcert=/a', 'sslcert and sslkey belong together'],
  ])('%s', (url, sentence) => {
    const attempt = () => connectionOptions(url, 'test')
    expect(attempt).toThrow(`DATABASE_URL: ${sentence}`)
    expect(attempt).not.toThrow(/s3cret/)
  })
})

test('parameters are replaced, and the rest of the URL stays', () => {
  const url = 'postgresql://u:p%40@h:1/d?sslmode=prefer&sslpassword=a+b'
  expect(withParameters(url, { sslmode: 'disable', schema: 'a b' })).toBe(
    'postgresql://u:p%40@h:1/d?sslmode=disable&sslpassword=a%2Bb&schema=a%20b',
  )
})

test('each schema has a queue of its own, within the length of names', () => {
  expect(['public', 'team', 'Team A'].map(queueSchemaOf)).toEqual(['pgboss', 'pgboss_team', 'pgboss_Team A'])
  expect(queueSchemaOf(undefined)).toBe('pgboss')
  for (const name of ['', 'a"b', "a'b", 'a.b', 'a%b', 'a$b', 'a\\b', 'é'.repeat(22)])
    expect(() => checkSchemaName(name)).toThrow('at most 43 bytes and hold letters')
  checkSchemaName('é'.repeat(21))
})

test.each(['pg_x', 'information_schema', 'pgboss', 'pgboss_sales'])('the schema %s is reserved', (name) => {
  expect(() => checkSchemaName(name)).toThrow(`the schema ${name} is reserved`)
})
