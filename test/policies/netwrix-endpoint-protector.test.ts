import { describe, expect, test } from 'vitest'
import { certificate, type Seen } from '../domain/findings/rules.ts'
import { type Circumstances, judgeBuiltIn } from './judging.ts'

const closed: Seen = { state: 'closed', reason: 'connection-refused' }
const silent: Seen = { state: 'filtered', reason: 'no-response' }
const silentHost: Seen = { ...silent, hostAnswered: false }
const respondingHost: Seen = { ...silent, hostAnswered: true }
const mustRespond = { params: { hostMustRespond: true } }
const lost: Seen = { state: 'unresolved', reason: 'name-not-found' }
const denied: Seen = { state: 'unknown', reason: 'egress-denied' }
const https = (facts: Seen['facts']): Seen => ({ state: 'open', reason: 'http-responded', facts })
const responding = https({ protocol: 'TLSv1.3', http: { status: 200 } })
const old = https({ protocol: 'TLSv1.1', http: { status: 200 } })
const tls = (cert: Parameters<typeof certificate>[0], facts = {}): Seen => ({
  state: 'open',
  reason: 'tls-ok',
  facts: { protocol: 'TLSv1.3', certificate: certificate(cert), trusted: true, nameMatches: true, ...facts },
})
const selfSigned = tls({ selfSigned: true }, { trusted: false })
const plainPages = https({ plainHttp: { answered: true, status: 200 } })
const separated = { params: { uiPort: 8443 } }
const tcpOpen: Seen = { state: 'open', reason: 'tcp-connected' }
const speakingSsh: Seen = { state: 'open', reason: 'ssh-ok', facts: { identification: 'SSH-2.0-x', algorithms: {} } }
const ad: Seen = { state: 'open', reason: 'ldap-responded', facts: { rootDse: {}, activeDirectory: true } }
const openLdap: Seen = { state: 'open', reason: 'ldap-responded', facts: { rootDse: {}, activeDirectory: false } }
const bound = (reason: Seen['reason'], security: 'plain' | 'starttls' | 'ldaps'): Seen => ({
  state: 'open',
  reason,
  facts: { rootDse: {}, security, bind: { as: 'credential', resultCode: 0, resultName: 'success' } },
})
const withDc = { params: { domainController: 'dc1.corp.test' } }
const withBind = { params: { domainController: 'dc1.corp.test', ldapCredential: 'env:LDAP' } }

describe('the built-in policy', () => {
  test.each<[rule: string, what: string, Seen, result: string, Circumstances?]>([
    ['client-https', 'responds over TLS 1.3', responding, 'pass'],
    ['client-https', 'responds over TLS 1.1', old, 'fail'],
    [
      'client-https',
      'does not respond to HTTP',
      { ...responding, reason: 'tls-ok', facts: { protocol: 'TLSv1.3' } },
      'fail',
    ],
    ['client-https', 'is closed', closed, 'fail'],
    ['client-https', 'is filtered', silent, 'fail'],
    ['client-https', 'has no name', lost, 'unknown'],
    ['client-https', 'may not be dialled', denied, 'error'],
    [
      'client-https-encrypted',
      'does not respond to a plain request',
      https({ plainHttp: { answered: false } }),
      'pass',
    ],
    ['client-https-encrypted', 'serves plain pages', plainPages, 'fail'],
    ['client-https-encrypted', 'is closed, so that it serves nothing', closed, 'pass'],
    ['client-https-encrypted', 'has no name', lost, 'unknown'],
    ['server-certificate', 'is right', tls({}), 'pass'],
    ['server-certificate', 'ends in 13 days', tls({ notAfter: '2026-01-14T13:00:00Z' }), 'fail'],
    ['server-certificate', 'has a short key', tls({ publicKey: { type: 'rsa', bits: 1024, sha256: '' } }), 'fail'],
    ['server-certificate', 'has ended', tls({ notAfter: '2025-12-31T00:00:00Z' }), 'fail'],
    ['server-certificate', 'has another name', tls({}, { nameMatches: false }), 'fail'],
    ['server-certificate', 'is self-signed', selfSigned, 'fail'],
    ['server-certificate', 'is self-signed, which is meant', selfSigned, 'pass', { params: { allowSelfSigned: true } }],
    [
      'server-certificate',
      'is self-signed, which is meant, and has ended',
      tls({ selfSigned: true, notAfter: '2025-12-31T00:00:00Z' }, { trusted: false }),
      'fail',
      { params: { allowSelfSigned: true } },
    ],
    ['ui-https', 'is the port of the clients', responding, 'notapplicable'],
    ['ui-https', 'has a port of its own', responding, 'pass', separated],
    ['ui-https', 'has a port of its own that is closed', closed, 'fail', separated],
    ['ui-https-encrypted', 'is the port of the clients', plainPages, 'notapplicable'],
    ['ui-https-encrypted', 'serves plain pages', plainPages, 'fail', separated],
    [
      'ui-https-encrypted',
      'does not respond to a plain request',
      https({ plainHttp: { answered: false } }),
      'pass',
      separated,
    ],
    ['ui-https-encrypted', 'is closed, so that it serves nothing', closed, 'pass', separated],
    ['ui-certificate', 'is the port of the clients', tls({ notAfter: '2025-12-31T00:00:00Z' }), 'notapplicable'],
    ['ui-certificate', 'is right', tls({}), 'pass', separated],
    ['ui-certificate', 'has ended', tls({ notAfter: '2025-12-31T00:00:00Z' }), 'fail', separated],
    ['ui-certificate', 'has another name', tls({}, { nameMatches: false }), 'fail', separated],
    ['ui-certificate', 'is self-signed', selfSigned, 'fail', separated],
    ['ui-certificate', 'is closed', closed, 'fail', separated],
    ['ssh-restricted', 'is closed', closed, 'pass'],
    ['ssh-restricted', 'is filtered', silent, 'pass'],
    ['ssh-restricted', 'is filtered, on a host that is silent', silentHost, 'pass'],
    ['ssh-restricted', 'is filtered, on a host that must respond', silentHost, 'unknown', mustRespond],
    ['ssh-restricted', 'is filtered, on a host that must respond and does', respondingHost, 'pass', mustRespond],
    ['ssh-restricted', 'is open', tcpOpen, 'fail'],
    ['ssh-restricted', 'is open in a window as well', tcpOpen, 'fail', { windowOpen: true }],
    ['ssh-support', 'is closed outside a window', closed, 'pass'],
    ['ssh-support', 'is filtered outside a window, on a host that must respond', silentHost, 'unknown', mustRespond],
    ['ssh-support', 'is open outside a window', speakingSsh, 'fail'],
    ['ssh-support', 'is open inside one', speakingSsh, 'pass', { windowOpen: true }],
    ['ssh-support', 'is closed inside one', closed, 'fail', { windowOpen: true }],
    ['ssh-support', 'speaks no SSH inside one', tcpOpen, 'fail', { windowOpen: true }],
    ['ad-ldap', 'has no domain controller', ad, 'notapplicable'],
    ['ad-ldap', 'is Active Directory', ad, 'pass', withDc],
    ['ad-ldap', 'is another directory', openLdap, 'fail', withDc],
    [
      'ad-ldap',
      'is another directory, which is meant',
      openLdap,
      'pass',
      { params: { ...withDc.params, directory: 'any' } },
    ],
    ['ad-ldap', 'does not respond in time', { state: 'open', reason: 'protocol-timeout' }, 'unknown', withDc],
    ['ad-ldap', 'closes without a response', { state: 'open', reason: 'connection-closed' }, 'fail', withDc],
    ['ad-ldap', 'is closed', closed, 'fail', withDc],
    ['ad-ldap-bind', 'has no credential', ad, 'notapplicable', withDc],
    [
      'ad-ldap-bind',
      'has a credential and nowhere to send it',
      ad,
      'notapplicable',
      { params: { ldapCredential: 'env:X' } },
    ],
    ['ad-ldap-bind', 'binds over StartTLS', bound('ldap-bind-ok', 'starttls'), 'pass', withBind],
    ['ad-ldap-bind', 'is refused', bound('ldap-invalid-credentials', 'starttls'), 'fail', withBind],
    [
      'ad-ldap-bind',
      'lacks its credential at the vantage',
      bound('credential-unavailable', 'ldaps'),
      'error',
      withBind,
    ],
  ])('%s: %s', (rule, _, seen, result, circumstances) => {
    expect(judgeBuiltIn(rule, seen, circumstances)).toMatchObject({ result })
  })
})
