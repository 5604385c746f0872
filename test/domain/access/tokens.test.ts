import { describe, expect, test } from 'vitest'
import { isAuthentic, scopesOf } from '../../../src/domain/access/tokens.ts'

describe('the scopes of a token', () => {
  const meanings = { auditors: ['audits:run', 'reports:read'], heads: ['admin'] }
  test.each<[string, unknown, string, typeof meanings | undefined, string[]]>([
    [
      'are those of a space-separated string',
      { scope: 'openid audits:run reports:read' },
      'scope',
      undefined,
      ['audits:run', 'reports:read'],
    ],
    [
      'are those of a list',
      { roles: ['audits:run', 7, null, 'vantage:dmz'] },
      'roles',
      undefined,
      ['audits:run', 'vantage:dmz'],
    ],
    ['are found by a pointer', { resource: { roles: ['admin'] } }, '/resource/roles', undefined, ['admin']],
    [
      'are found by a name that is a URL',
      { 'https://x.example/roles': ['admin'] },
      'https://x.example/roles',
      undefined,
      ['admin'],
    ],
    [
      'are the mapped scopes of the values',
      { groups: ['auditors', 'others'] },
      'groups',
      meanings,
      ['audits:run', 'reports:read'],
    ],
    ['are not the values themselves if a mapping exists', { groups: ['admin'] }, 'groups', meanings, []],
    ['are counted once', { groups: ['heads', 'heads'] }, 'groups', meanings, ['admin']],
    ['are none without the claim', { other: 'admin' }, 'scope', undefined, []],
    ['are none of inherited members', { scope: 'x' }, '/constructor/name', undefined, []],
    ['are none for inherited names in a mapping', { groups: ['constructor', '__proto__'] }, 'groups', meanings, []],
    ['are none if the claim is an object', { scope: { admin: true } }, 'scope', undefined, []],
    ['are none if the claim is null', { scope: null }, 'scope', undefined, []],
    ['are none if the claim is a number', { scope: 1 }, 'scope', undefined, []],
    ['are none of nested lists and objects', { roles: [['admin'], { admin: true }] }, 'roles', undefined, []],
    ['are none of a list in a JSON string', { roles: '["admin"]' }, 'roles', undefined, []],
    ['are none if a pointer leads through a string', { resource: 'admin' }, '/resource/roles', undefined, []],
    [
      'are case-sensitive and split at spaces only',
      { scope: 'Admin ADMIN admin,reports:read' },
      'scope',
      undefined,
      [],
    ],
    ['are found by a pointer whose names have slashes', { 'a/b': { '~': 'admin' } }, '/a~1b/~0', undefined, ['admin']],
    ['are none of a partial match', { scope: 'admins xadmin admin:x' }, 'scope', undefined, []],
  ])('%s', (_, claims, scopeClaim, means, expected) => {
    expect(scopesOf(claims, { scopeClaim, meanings: means })).toEqual(expected)
  })
})

test.each([
  ['https://login.example.org', true],
  ['http://127.0.0.1:8081/realms/x', true],
  ['http://[::1]:8081', true],
  ['http://localhost', true],
  ['http://127.1', true], // URL normalizes it to 127.0.0.1
  ['http://login.example.org', false],
  ['http://127.0.0.1.example.org', false],
  ['http://localhost.example.org', false],
  ['ftp://127.0.0.1', false],
])('the origin of %s is authenticated: %s', (url, expected) => {
  expect(isAuthentic(new URL(url))).toBe(expected)
})
