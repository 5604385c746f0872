import { describe, expect, test } from 'vitest'
import { isAuthentic, scopesOf } from '../../../src/domain/access/tokens.ts'

describe('the scopes of a token', () => {
  const meanings = { auditors: ['audits:run', 'reports:read'], heads: ['admin'] }
  test.each<[string, unknown, string, typeof meanings | undefined, string[]]>([
    [
      'are those of a text with spaces',
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
    ['are found by a pointer', { realm: { roles: ['admin'] } }, '/realm/roles', undefined, ['admin']],
    [
      'are found by a name that is a URL',
      { 'https://x.example/roles': ['admin'] },
      'https://x.example/roles',
      undefined,
      ['admin'],
    ],
    [
      'are what the values stand for',
      { groups: ['auditors', 'others'] },
      'groups',
      meanings,
      ['audits:run', 'reports:read'],
    ],
    ['are not the values where they stand for something', { groups: ['admin'] }, 'groups', meanings, []],
    ['are counted once', { groups: ['heads', 'heads'] }, 'groups', meanings, ['admin']],
    ['are none where the claim is not there', { other: 'admin' }, 'scope', undefined, []],
    ['are none of what every object has', { scope: 'x' }, '/constructor/name', undefined, []],
    ['are none of names that every object has', { groups: ['constructor', '__proto__'] }, 'groups', meanings, []],
    ['are none where it is no text', { scope: { admin: true } }, 'scope', undefined, []],
    ['are none where it is nothing', { scope: null }, 'scope', undefined, []],
    ['are none of a number', { scope: 1 }, 'scope', undefined, []],
    [
      'are none of a list in a list, or of an object in one',
      { roles: [['admin'], { admin: true }] },
      'roles',
      undefined,
      [],
    ],
    ['are none of a list that is written as text', { roles: '["admin"]' }, 'roles', undefined, []],
    ['are none of what a pointer finds behind a text', { realm: 'admin' }, '/realm/roles', undefined, []],
    ['are not those of another spelling', { scope: 'Admin ADMIN admin,reports:read' }, 'scope', undefined, []],
    ['are found by a pointer whose names have slashes', { 'a/b': { '~': 'admin' } }, '/a~1b/~0', undefined, ['admin']],
    ['are none of part of a word', { scope: 'admins xadmin admin:x' }, 'scope', undefined, []],
  ])('%s', (_, claims, scopeClaim, means, expected) => {
    expect(scopesOf(claims, { scopeClaim, meanings: means })).toEqual(expected)
  })
})

test.each([
  ['https://login.example.org', true],
  ['http://127.0.0.1:8081/realms/x', true],
  ['http://[::1]:8081', true],
  ['http://localhost', true],
  ['http://127.1', true], // a URL writes it as 127.0.0.1
  ['http://login.example.org', false],
  ['http://127.0.0.1.example.org', false],
  ['http://localhost.example.org', false],
  ['ftp://127.0.0.1', false],
])('what comes from %s is taken for authentic: %s', (url, expected) => {
  expect(isAuthentic(new URL(url))).toBe(expected)
})
