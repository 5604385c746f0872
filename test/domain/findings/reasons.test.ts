import { describe, expect, test } from 'vitest'
import {
  describeReason,
  type ReasonCode,
  reasonCodes,
  reasons,
  renamedReasons,
} from '../../../src/domain/findings/reasons.ts'
import type { FactsByProtocol, ProtocolName } from '../../../src/domain/protocols/index.ts'

describe('the reason codes', () => {
  test.each(reasonCodes)('%s is a word for programs, with one sentence for people', (code) => {
    expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    const { message } = describeReason(code)
    expect(message).toMatch(/^[A-Z].{10,}\.$/s)
    expect(message).not.toMatch(/\n| {2}/)
  })

  test('names the addresses that decide it, where the host has others', () => {
    const silent = { state: 'open', reason: 'protocol-timeout' } as const
    const addresses = {
      a: { state: 'open', reason: 'ssh-ok' },
      b: { state: 'closed', reason: 'connection-refused' },
      c: silent,
      d: { state: 'unknown', reason: 'egress-denied' },
    } as const
    const sentences = (code: ReasonCode) =>
      describeReason(code, { probe: 'ssh', addresses }).message.slice(reasons[code].message.length)
    expect(sentences('connection-refused')).toBe(' Seen at: b. Not probed: d (egress-denied).')
    expect(sentences('unexpected-state')).toBe(' Seen at: a, c. Not probed: d (egress-denied).')
    expect(sentences('as-expected')).toBe(' Not probed: d (egress-denied).')
    const { message } = reasons['protocol-timeout']
    expect(describeReason('protocol-timeout', { probe: 'ssh', addresses: { c: silent } }).message).toBe(message)
  })

  test('each says something of its own', () => {
    const messages = reasonCodes.map((code) => reasons[code].message)
    expect(messages.filter((message, i) => messages.indexOf(message) !== i)).toEqual([])
  })

  test('a reason is shown as its code and its sentence', () => {
    expect(describeReason('as-expected')).toEqual({
      code: 'as-expected',
      message: 'The observation is what the rule expects.',
    })
  })

  test('a reason is shown with the senders of ICMP messages, each once', () => {
    const prohibited = { state: 'filtered', reason: 'icmp-prohibited', facts: {} } as const
    const rejected = (rejectedBy: string) => ({ ...prohibited, rejectedBy })
    const addresses = { a: rejected('10.0.0.254'), b: prohibited, c: rejected('10.0.0.254'), d: rejected('10.0.0.1') }
    expect(describeReason('as-expected', { probe: 'tcp', addresses }).message).toBe(
      'The observation is what the rule expects. ICMP sender: 10.0.0.1, 10.0.0.254.',
    )
    const { message } = describeReason('as-expected')
    expect(describeReason('as-expected', null).message).toBe(message)
    expect(describeReason('as-expected', { probe: 'tcp', addresses: { a: prohibited } }).message).toBe(message)
  })

  type Facts = { [Probe in ProtocolName]?: FactsByProtocol[Probe] }
  const certificate = {} as never
  test.each<[keyof Facts, Facts, string]>([
    ['ssh', { ssh: {} }, 'SSH identification'],
    ['ssh', { ssh: { identification: 'SSH-2.0-x' } }, 'SSH key exchange'],
    ['ssh', { ssh: { identification: 'SSH-2.0-x', algorithms: {} } }, 'SSH host key'],
    ['tls', { tls: { spoke: 'nothing' } }, 'complete TLS handshake'],
    ['tls', { tls: { protocol: 'TLSv1.3', certificate } }, 'response to each TLS version'],
    ['https', { https: {} }, 'complete TLS handshake'],
    ['https', { https: { protocol: 'TLSv1.3' } }, 'HTTP response inside TLS'],
    ['https', { https: { protocol: 'TLSv1.3', http: { status: 200 } } }, 'response to each TLS version'],
    ['https', { https: { plainHttp: { answered: false } } }, 'complete HTTP response in clear'],
    ['ldap', { ldap: {} }, 'LDAP response'],
    ['ldap', { ldap: { tls: {} } }, 'complete TLS handshake'],
    ['ldap', { ldap: { tls: { protocol: 'TLSv1.3' } } }, 'LDAP response'],
    ['ldap', { ldap: { rootDse: {} } }, 'further LDAP response'],
    ['smtp', { smtp: {} }, 'SMTP greeting'],
    ['smtp', { smtp: { smtp: { greeting: 'ESMTP' } } }, 'response to EHLO'],
    ['smtp', { smtp: { smtp: { startTls: { offered: true } } } }, 'response to STARTTLS'],
    ['smtp', { smtp: { smtp: { startTls: { offered: true, replyCode: 220 } } } }, 'complete TLS handshake'],
    ['smb', { smb: {} }, 'response to SMB negotiation'],
    ['smb', { smb: { smb: { dialect: 'SMB3.0' } } }, 'NTLM challenge'],
    ['smb', { smb: { smb: { dialects: { SMB1: 'not-tested' } } } }, 'response to each SMB dialect'],
    ['kerberos', { kerberos: {} }, 'response of a KDC'],
    ['mssql', { mssql: {} }, 'response to TDS pre-login'],
    ['mssql', { mssql: { mssql: { encryption: 'required' } } }, 'complete TLS handshake'],
    ['redis', { redis: {} }, 'response to PING'],
    ['redis', { redis: { protocol: 'TLSv1.3' } }, 'response to PING inside TLS'],
    ['rdp', { rdp: {} }, 'response to RDP negotiation'],
    ['rdp', { rdp: { rdp: { selected: 'nla' } } }, 'complete TLS handshake'],
    ['rdp', { rdp: { rdp: { selected: 'standard' } } }, 'response to each security protocol of RDP'],
    ['dns', { dns: {} }, 'DNS response'],
    ['dns', { dns: { dns: { rcode: 'NOERROR' } } }, 'further DNS response'],
    ['tcp', { tcp: {} }, 'connection'],
  ])('silence of %s names what did not come: %s', (probe, facts, noun) => {
    const silent = { state: 'open', reason: 'protocol-timeout', facts: facts[probe] ?? {}, waitedMs: 6_000 } as const
    const seen = { probe, addresses: { a: silent, b: silent, c: { ...silent, waitedMs: undefined } } }
    const { message } = describeReason('protocol-timeout')
    expect(describeReason('protocol-timeout', seen).message).toBe(`${message} Connected, no ${noun} within 6 s.`)
    expect(describeReason('as-expected', seen)).toEqual(describeReason('as-expected'))
  })

  test('a reason is shown with the addresses that were left out beside others, on both sides of a pair', () => {
    const addresses = { a: { reason: 'connection-refused' }, b: { reason: 'egress-denied' } } as const
    const unlike = { branch: { c: { reason: 'no-response' }, d: { reason: 'ip-family-missing' } } } as const
    const { message } = describeReason('as-expected')
    expect(describeReason('as-expected', { probe: 'tcp', addresses, unlike }).message).toBe(
      `${message} Not probed: b (egress-denied), d (ip-family-missing).`,
    )
    expect(describeReason('as-expected', { probe: 'tcp', addresses: { b: addresses.b } }).message).toBe(message)
  })

  test('a renamed code is known by its present name only', () => {
    for (const [earlier, present] of Object.entries(renamedReasons)) {
      expect(reasonCodes).not.toContain(earlier)
      expect(reasonCodes).toContain(present)
    }
  })
})
