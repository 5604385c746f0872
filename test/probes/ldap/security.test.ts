import { expect, test } from 'vitest'
import type { OptionsByProtocol } from '../../../src/domain/protocols/index.ts'
import { planSecurity } from '../../../src/probes/ldap/security.ts'

const credentialRef = 'env:LDAP_LOGIN'

test.each<[number, OptionsByProtocol['ldap'], ReturnType<typeof planSecurity>]>([
  [389, {}, { channel: 'plain', required: false }],
  [389, { security: ['plain'] }, { channel: 'plain', required: false }],
  [389, { security: ['plain', 'starttls'] }, { channel: 'starttls', required: false }],
  [389, { security: ['starttls'] }, { channel: 'starttls', required: true }],
  [389, { security: ['starttls', 'ldaps'] }, { channel: 'starttls', required: true }],
  [389, { security: ['ldaps'] }, { channel: 'ldaps', required: true }],
  [389, { security: ['plain', 'ldaps'] }, { channel: 'plain', required: false }],
  [389, { credentialRef }, { channel: 'starttls', required: true }],
  [389, { credentialRef, security: ['plain'] }, { channel: 'starttls', required: true }],
  [389, { credentialRef, security: ['plain', 'ldaps'] }, { channel: 'ldaps', required: true }],
  [636, {}, { channel: 'ldaps', required: false }],
  [636, { security: ['starttls'] }, { channel: 'ldaps', required: true }],
  [3269, { credentialRef, security: ['plain'] }, { channel: 'ldaps', required: true }],
  [3268, { credentialRef }, { channel: 'starttls', required: true }],
])('port %i, %j', (port, options, plan) => {
  expect(planSecurity(port, options)).toEqual(plan)
})
