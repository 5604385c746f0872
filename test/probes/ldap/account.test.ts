import { describe, expect, test } from 'vitest'
import { accountNames, identify } from '../../../src/probes/ldap/account.ts'

const domain = 'DC=ad,DC=lab,DC=test'

describe('an account', () => {
  test.each([
    ['svc@AD.lab.test', domain],
    ['SVC@corp.example', domain], // another suffix of user principal names
    ['ADLAB\\svc', domain],
    ['svc', domain],
    ['svc @ad.lab.test', undefined],
    ['ADLAB\\ svc', domain],
    [' CN=svc, CN=Users,DC=ad,DC=lab,DC=test', undefined],
    ['CN=svc+OU=x\\,y,OU=Service,DC=ad,DC=lab,DC=test', domain],
    ['cn=\\73vc,dc=AD,dc=LAB,dc=TEST', undefined],
    ['CN="svc",OU="x, y",DC=ad,DC=lab,DC=test', undefined],
    ['CN=svc;OU=Service;DC=ad;DC=lab;DC=test', undefined],
    ['ad.lab.test/Service/svc', undefined], // a canonical name
  ])('has one name in all its spellings: %s', (user, namingContext) => {
    expect(accountNames(user, namingContext)).toContain('svc@ad.lab.test')
  })

  test.each([
    ['svc@other.test', undefined],
    ['svc2@ad.lab.test', domain],
    ['CN=svc,DC=other,DC=test', 'DC=other,DC=test'],
    ['svc', 'o=corp'],
    ['svc', undefined],
  ])('of another name or domain has none in common: %s', (user, namingContext) => {
    expect(accountNames(user, namingContext)).not.toContain('svc@ad.lab.test')
  })

  test.each([
    ['uid=svc,ou=people,o=corp', 'o=corp', ['svc@ou=people,o=corp', 'svc@o=corp']],
    ['cn=Directory Manager', 'o=corp', ['directory manager@o=corp']],
    ['cn=Directory Manager', undefined, ['directory manager']],
    ['', undefined, ['']],
    ['@', undefined, ['@']],
    ['cn=,', undefined, ['']],
  ])('of a directory without DNS names is named by its base: %s', (user, namingContext, names) => {
    expect(accountNames(user, namingContext)).toEqual(names)
  })
})

describe('the digests', () => {
  const salt = 'a'.repeat(64)
  const identity = (user: string, password: string, key = salt) =>
    identify({ user, password }, { salt: key, namingContext: domain })

  test('of a credential differ by password and by key, and not by the spelling of the user', async () => {
    const { accounts, credential, key } = await identity('svc@ad.lab.test', 'secret')
    expect(await identity('ADLAB\\svc', 'secret')).toMatchObject({
      credential,
      accounts: [expect.any(String), accounts[0]],
    })
    expect(await identity('svc@ad.lab.test', 'changed')).toEqual({
      ...{ accounts, key },
      credential: expect.not.stringMatching(credential),
    })
    const otherKey = await identity('svc@ad.lab.test', 'secret', 'b'.repeat(64))
    expect(otherKey.accounts).not.toEqual(accounts)
    expect(otherKey.credential).not.toBe(credential)
    expect(otherKey.key).not.toBe(key)
  })
})
