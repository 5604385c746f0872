import { generateKeyPairSync, sign } from 'node:crypto'
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, importJWK, type JWTPayload, UnsecuredJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createTokenReader, type TokenReader } from '../../../src/api/http/oidc.ts'
import { NotReadyError } from '../../../src/domain/errors.ts'
import { startIssuer, type TestIssuer } from '../../support/issuer.ts'

let issuer: TestIssuer
let reader: TokenReader
beforeEach(async () => {
  issuer = await startIssuer()
  const rules = { issuer: issuer.url, audience: 'portwarden', scopeClaim: 'scope', meanings: undefined }
  reader = createTokenReader(rules)
})
afterEach(async () => {
  vi.useRealTimers()
  await issuer.close()
})

const scope = 'openid audits:run'
const read = (token: string, now = new Date()) => reader.authenticate(token, now)
const ann = { keyId: 'oidc:ann', scopes: ['audits:run'], targetScope: {} }
const seconds = (fromNow: number) => Math.floor(Date.now() / 1000) + fromNow
/** Moves the clock, and nothing else that has to do with time. */
const passTime = (ms: number) => {
  const now = Date.now()
  vi.useFakeTimers({ toFake: ['Date'], now: now + ms })
}

describe('a token', () => {
  test.each(['ES256', 'RS256', 'PS256', 'EdDSA'])(
    'that the issuer signed with %s says who comes, and what for',
    async (alg) => {
      await issuer.rotate(alg)
      expect(await read(await issuer.sign({ scope }))).toEqual(ann)
    },
  )

  test.each<[string, JWTPayload]>([
    ['is for another audience', { aud: 'another' }],
    ['is for no audience', { aud: [] }],
    ['is of another issuer', { iss: 'https://login.example.org' }],
    ['has expired', { exp: seconds(-10) }],
    ['never expires', { exp: undefined as never }],
    ['does not count yet', { nbf: seconds(60) }],
    ['was issued in the future', { iat: seconds(60) }],
    ['was issued at a time that is none', { iat: 'now' as never }],
    ['has no subject', { sub: undefined as never }],
    ['is of a number', { sub: 7 as never }],
    ['is for a number of audiences', { aud: 7 as never }],
    ['expires at a time that is none', { exp: 'never' as never }],
    ['counts from a time that is none', { nbf: 'now' as never }],
    ['is of a list of issuers', { iss: ['https://login.example.org'] as never }],
    ['is of a name with an end of line', { sub: 'ann\nbob' }],
    ['is of an empty name', { sub: '' }],
    ['is of a name without end', { sub: 'a'.repeat(256) }],
  ])('that %s is none', async (_, claims) => {
    expect(await read(await issuer.sign({ scope, ...claims }))).toBeUndefined()
    expect(await read(await issuer.sign({ scope }))).toEqual(ann)
  })

  test.each(['JWT', 'jwt', 'at+jwt', 'application/at+jwt'])('may say that it is of the type %s', async (typ) => {
    expect(await read(await issuer.sign({ scope }, { typ }))).toEqual(ann)
  })

  test.each(['logout+jwt', 'secevent+jwt', 'dpop+jwt', 'at+jwt2', 'JWE', 'application/json'])(
    'that was signed for something else is none: %s',
    async (typ) => {
      expect(await read(await issuer.sign({ scope }, { typ }))).toBeUndefined()
    },
  )

  test('counts until it expires, and five seconds longer, because clocks differ', async () => {
    const exp = seconds(60)
    const token = await issuer.sign({ scope, exp })
    expect(await read(token, new Date((exp + 4) * 1000))).toEqual(ann)
    expect(await read(token, new Date((exp + 5) * 1000))).toBeUndefined()
  })

  test('counts from five seconds before it begins to, and not earlier', async () => {
    const nbf = seconds(60)
    const token = await issuer.sign({ scope, nbf })
    expect(await read(token, new Date((nbf - 5) * 1000))).toEqual(ann)
    expect(await read(token, new Date((nbf - 6) * 1000))).toBeUndefined()
  })

  test('may be for others too', async () => {
    expect(await read(await issuer.sign({ scope, aud: ['another', 'portwarden'] }))).toEqual(ann)
  })

  test('is none without a signature, and none with one that the public key makes', async () => {
    const claims = { iss: issuer.url, aud: 'portwarden', sub: 'ann', scope, exp: seconds(60) }
    expect(await read(new UnsecuredJWT(claims).encode())).toBeUndefined()
    const [jwk] = issuer.keys
    if (!jwk) throw new Error('no key')
    const published = await exportSPKI((await importJWK(jwk, 'ES256', { extractable: true })) as CryptoKey)
    for (const secret of [published, JSON.stringify(jwk)]) {
      const key = new TextEncoder().encode(secret)
      expect(await read(await issuer.sign({ scope }, { alg: 'HS256', key }))).toBeUndefined()
    }
  })

  test('is invalid when another party signed it, with any key id', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    expect(await read(await issuer.sign({ scope }, { key: privateKey }))).toBeUndefined()
    expect(await read(await issuer.sign({ scope }, { key: privateKey, kid: 'theirs' }))).toBeUndefined()
  })

  test('is none that was changed', async () => {
    const [head, , signature] = (await issuer.sign({ scope })).split('.')
    const [, payload] = (await issuer.sign({ scope: 'admin' })).split('.')
    expect(await read([head, payload, signature].join('.'))).toBeUndefined()
  })

  test.each(['', 'a', 'a.b.c', '..', 'e30.e30.e30', 'pw'])(
    'is not %j, and causes no request to the issuer',
    async (text) => {
      expect(await read(text)).toBeUndefined()
      expect(issuer.reads).toBe(0)
    },
  )

  test('of another issuer is invalid, and causes no request', async () => {
    issuer.broken = true
    expect(await read(await issuer.sign({ scope, iss: 'https://login.example.org' }))).toBeUndefined()
    expect(issuer.reads).toBe(0)
  })
})

describe('the keys of the issuer', () => {
  test('are read once for many tokens', async () => {
    const token = await issuer.sign({ scope })
    await Promise.all(Array.from({ length: 20 }, () => read(token)))
    for (let i = 0; i < 5; i += 1) await read(token)
    expect(issuer.reads).toBe(1)
  })

  test('are read again for a token with a new one, and an old one counts no more', async () => {
    const old = await issuer.sign({ scope })
    expect(await read(old)).toEqual(ann)
    await issuer.rotate()
    passTime(11_000)
    expect(await read(await issuer.sign({ scope }))).toEqual(ann)
    expect(await read(old)).toBeUndefined()
    expect(issuer.reads).toBe(2)
  })

  test('are not read again for every token with one that there is not', async () => {
    await read(await issuer.sign({ scope }))
    for (let i = 0; i < 10; i += 1) expect(await read(await issuer.sign({ scope }, { kid: `no-${i}` }))).toBeUndefined()
    expect(issuer.reads).toBe(1)
  })

  test.each<[string, (issuer: TestIssuer) => unknown]>([
    ['responds with an error', (it) => Object.assign(it, { broken: true })],
    ['says that it is another', (it) => Object.assign(it.metadata, { issuer: 'https://login.example.org' })],
    ['names no keys', (it) => Object.assign(it.metadata, { jwks_uri: undefined })],
    [
      'names keys that come in clear from elsewhere',
      (it) => Object.assign(it.metadata, { jwks_uri: 'http://192.0.2.1/keys' }),
    ],
    ['names keys that are not there', (it) => Object.assign(it.metadata, { jwks_uri: `${it.url}/nowhere` })],
    ['has keys that are none', (it) => Object.assign(it, { keys: 'none' })],
    ['does not respond', (it) => it.close()],
  ])('are unknown where it %s: that is neither yes nor no', async (_, spoil) => {
    const token = await issuer.sign({ scope })
    await spoil(issuer)
    await expect(read(token)).rejects.toThrow(NotReadyError)
    if (_ === 'does not respond') issuer = await startIssuer() // there is one to close
  })

  test('are requested again after the pause', async () => {
    const token = await issuer.sign({ scope })
    issuer.broken = true
    await expect(read(token)).rejects.toThrow(NotReadyError)
    issuer.broken = false
    await expect(read(token)).rejects.toThrow(NotReadyError)
    expect(issuer.reads).toBe(0)
    passTime(6_000)
    expect(await read(token)).toEqual(ann)
  })

  test('that were read stay valid while the issuer is down, also when other tokens arrive', async () => {
    const token = await issuer.sign({ scope })
    expect(await read(token)).toEqual(ann)
    issuer.broken = true
    passTime(11_000)
    await expect(read(await issuer.sign({ scope }, { kid: 'new' }))).rejects.toThrow(NotReadyError)
    expect(await read(token)).toEqual(ann)
  })
})

describe('what an issuer publishes', () => {
  test('is not usable with a weak key: neither valid nor invalid', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    issuer.keys = [{ ...(await exportJWK(publicKey)), kid: 'weak', alg: 'RS256', use: 'sig' }]
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const claims = { iss: issuer.url, aud: 'portwarden', sub: 'ann', exp: seconds(60), scope }
    const signed = `${encode({ alg: 'RS256', kid: 'weak', typ: 'JWT' })}.${encode(claims)}`
    const signature = sign('sha256', Buffer.from(signed), privateKey).toString('base64url')
    const error = await read(`${signed}.${signature}`).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(NotReadyError)
    expect(String(error)).toContain('2,048 bits')
  })

  test.each([
    [900_000, true],
    [1_100_000, false],
  ])('is read up to 1 MiB: %i bytes', async (bytes, isRead) => {
    await issuer.rotate()
    const [key] = issuer.keys
    issuer.keys = [{ ...key, 'x-more': 'x'.repeat(bytes) } as never]
    const outcome = await read(await issuer.sign({ scope })).catch((reason: unknown) => reason)
    if (isRead) expect(outcome).toEqual(ann)
    else expect(outcome).toBeInstanceOf(NotReadyError)
  })
})
