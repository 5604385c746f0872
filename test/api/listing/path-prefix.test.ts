import { expect, test } from 'vitest'
import { withoutPrefix } from '../../../src/api/listing/path-prefix.ts'

test.each([
  ['/portwarden/v1/targets?x=1', '/v1/targets?x=1'],
  ['/v1/targets', '/v1/targets'],
  ['/portwarden', '/'],
  ['/portwardens/v1', '/portwardens/v1'],
  ['http://a.test/portwarden/v1/targets', '/v1/targets'],
  ['HTTPS://a.test:443/portwarden/', '/'],
  ['http://a.test/v1/targets?at=/portwarden/', 'http://a.test/v1/targets?at=/portwarden/'],
])('%s is %s without the prefix of a proxy', (url, rest) => {
  expect(withoutPrefix('/portwarden')({ url })).toBe(rest)
})

test.each(['', '/portwarden'])('`*` is a path that no route has, also without a prefix: %j', (prefix) => {
  expect(withoutPrefix(prefix)({ url: '*' })).toBe('/*')
})
