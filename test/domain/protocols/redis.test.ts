import { describe } from 'vitest'
import type { RedisFacts } from '../../../src/domain/protocols/redis.ts'
import { certificate } from '../findings/rules.ts'
import { testJudgements } from './judging.ts'

describe('redis', () => {
  const tls = { protocol: 'TLSv1.3', certificate: certificate(), trusted: true, nameMatches: true } as const
  const required: RedisFacts['redis'] = { encryption: 'none', authentication: 'required' }
  const locked = { reason: 'redis-authentication-required', facts: { redis: required } } as const
  const secured = {
    reason: 'redis-authentication-required',
    facts: { ...tls, redis: { ...required, encryption: 'tls' } },
  } as const
  const open = {
    reason: 'redis-without-authentication',
    facts: { redis: { encryption: 'none', authentication: 'none' } },
  } as const
  const guarded = {
    reason: 'redis-protected-mode',
    facts: { redis: { encryption: 'none', authentication: 'protected-mode' } },
  } as const
  const loading = { reason: 'redis-refused', facts: { redis: { encryption: 'none', error: 'LOADING' } } } as const
  const mutual = { reason: 'tls-client-certificate-required', facts: tls } as const
  const foreign = { reason: 'protocol-mismatch', facts: { spoke: 'ssh' } } as const
  const silent = { reason: 'protocol-timeout', facts: { spoke: 'nothing' } } as const
  const speaks = { redis: { speaks: true } } as const
  const mustAuthenticate = { redis: { authentication: 'required' } } as const
  const mustEncrypt = { redis: { encryption: 'required' } } as const
  testJudgements('redis', [
    ['a peer that speaks Redis passes', speaks, open, 'as-expected'],
    ['one that refuses PING speaks Redis too', speaks, loading, 'as-expected'],
    ['one of another protocol fails with that', speaks, foreign, 'protocol-mismatch'],
    ['a demand that is switched off is not judged', { redis: { speaks: false } }, silent, 'as-expected'],
    ['required authentication passes', mustAuthenticate, locked, 'as-expected'],
    ['missing authentication fails', mustAuthenticate, open, 'redis-without-authentication'],
    ['protected mode is no authentication', mustAuthenticate, guarded, 'redis-protected-mode'],
    ['another refusal says nothing of authentication', mustAuthenticate, loading, 'redis-refused'],
    ['silence is undecided', mustAuthenticate, silent, 'protocol-timeout'],
    ['TLS that demands a certificate hides the rest', mustAuthenticate, mutual, 'facts-missing'],
    ['TLS passes', mustEncrypt, secured, 'as-expected'],
    ['a response in clear fails', mustEncrypt, locked, 'redis-without-tls'],
    ['the certificate is judged as any other', { tls: { trusted: true } }, secured, 'as-expected'],
    ['a demand on TLS fails in clear', { tls: { trusted: true } }, locked, 'redis-without-tls'],
  ])
})
