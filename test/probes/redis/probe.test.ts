import { expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { probeRedis } from '../../../src/probes/redis/probe.ts'
import { describeWithPeers } from '../../support/peers/available.ts'
import { startSshd } from '../../support/peers/openssh.ts'
import { startRedis } from '../../support/peers/redis.ts'
import { probeIo } from '../../support/probe-io.ts'
import { run } from '../../support/processes.ts'

interface Address {
  host: string
  port: number
}

const probe = ({ host, port }: Address, options: OptionsByProtocol['redis'] = {}) =>
  probeRedis({ host: 'redis.lab.test', address: host, port }, options, probeIo({ deadlineMs: 5_000 }))

/** What redis-cli prints in response to PING. */
const ping = async ({ host, port }: Address, ...more: string[]) => {
  const { stdout, stderr } = await run('redis-cli', ['-h', host, '-p', `${port}`, ...more, 'PING'])
  return stdout + stderr
}

describeWithPeers(['redis'], 'redis-server', () => {
  test('without a password serves PING, as redis-cli finds', async () => {
    await using redis = await startRedis()
    expect(await probe(redis)).toEqual({
      state: 'open',
      reason: 'redis-without-authentication',
      facts: { redis: { encryption: 'none', authentication: 'none' } },
    })
    expect(await ping(redis)).toBe('PONG\n')
  })

  test('with a password demands a logon, as redis-cli finds', async () => {
    await using redis = await startRedis({ password: 'correct horse' })
    expect(await probe(redis)).toEqual({
      state: 'open',
      reason: 'redis-authentication-required',
      facts: { redis: { encryption: 'none', authentication: 'required' } },
    })
    expect(await ping(redis)).toContain('NOAUTH')
  })

  test('whose default user may not PING refuses it with another code', async () => {
    await using redis = await startRedis({ extra: ['--user', 'default', 'on', 'nopass', '-@all'] })
    const { reason, facts } = await probe(redis)
    expect({ reason, redis: facts.redis }).toEqual({
      reason: 'redis-refused',
      redis: { encryption: 'none', error: 'NOPERM' },
    })
  })

  test('on a port for TLS is found inside TLS, with its certificate', async () => {
    await using redis = await startRedis({ tls: 'server', password: 'correct horse' })
    const { reason, facts } = await probe(redis, { trustedCa: redis.ca, offerVersions: ['TLSv1.1', 'TLSv1.2'] })
    expect(reason).toBe('redis-authentication-required')
    expect(facts).toMatchObject({
      redis: { encryption: 'tls', authentication: 'required' },
      protocol: 'TLSv1.3',
      trusted: true,
      nameMatches: true,
      versions: { 'TLSv1.1': 'refused', 'TLSv1.2': 'accepted' },
    })
    expect(await ping(redis, '--tls', '--insecure')).toContain('NOAUTH')
  })

  test('that demands a certificate of its clients shows TLS, and not what is inside', async () => {
    await using redis = await startRedis({ tls: 'mutual' })
    const { reason, facts } = await probe(redis, { trustedCa: redis.ca })
    expect({ reason, trusted: facts.trusted, redis: facts.redis }).toEqual({
      reason: 'tls-client-certificate-required',
      trusted: true,
      redis: undefined,
    })
  })
})

describeWithPeers(['openssh'], 'another server', () => {
  test('is no Redis', async () => {
    await using sshd = await startSshd()
    expect(await probe(sshd)).toEqual({ state: 'open', reason: 'protocol-mismatch', facts: { spoke: 'ssh' } })
  })
})
