import { expect, test } from 'vitest'
import type { Observation } from '../../../src/domain/findings/observation.ts'
import type { ResolvedRule } from '../../../src/domain/policy/policy.ts'
import { checkOf, createCheckRunner } from '../../../src/operations/audits/deduplicate-checks.ts'
import type { Observe } from '../../../src/probes/engine/run-check.ts'

const rule = (more: Partial<ResolvedRule>): ResolvedRule => ({
  id: 'rule',
  title: 'A rule',
  severity: 'high',
  direction: 'outbound',
  from: ['server'],
  probe: 'ldap',
  port: 389,
  expect: {},
  ...more,
})
const bind = rule({ expect: { ldap: { bind: { credentialRef: 'env:AD' } } } })

function recorder() {
  const hosts: string[] = []
  let running = 0
  let most = 0
  const observe: Observe = async (check) => {
    hosts.push(check.host)
    most = Math.max(most, ++running)
    await Promise.resolve()
    running--
    return { probe: check.probe, host: check.host, port: check.port } as Observation<typeof check.probe>
  }
  return { observe, hosts, most: () => most }
}

function probeWith(observe: Observe) {
  const probe = createCheckRunner(observe, [])
  return (one: ResolvedRule, host: string) => probe(checkOf(one, host))
}

test('checks of one endpoint share one probe', async () => {
  const { observe, hosts } = recorder()
  const probe = probeWith(observe)
  const seen = await Promise.all([probe(rule({}), 'dc1'), probe(rule({ id: 'other' }), 'dc1'), probe(rule({}), 'dc2')])
  expect(hosts).toEqual(['dc1', 'dc2'])
  expect(seen[0]).toBe(seen[1])
})

test('checks that probe in more detail do not share', async () => {
  const { observe, hosts } = recorder()
  const probe = probeWith(observe)
  await Promise.all([probe(rule({}), 'dc1'), probe(rule({ expect: { ldap: { security: ['starttls'] } } }), 'dc1')])
  expect(hosts).toHaveLength(2)
})

test('probes with one credential run sequentially', async () => {
  const { observe, hosts, most } = recorder()
  const probe = probeWith(observe)
  await Promise.all([probe(bind, 'dc1'), probe(bind, 'dc2'), probe(bind, 'dc1')])
  expect(most()).toBe(1)
  expect(hosts).toEqual(['dc1', 'dc2'])
})
