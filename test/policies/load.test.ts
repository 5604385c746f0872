// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the placeholders of policies
import { describe, expect, test } from 'vitest'
import { tlsVersions } from '../../src/domain/protocols/tls.ts'
import { checkPolicy } from '../../src/policies/load.ts'

const parameters = {
  sshPort: { type: 'port', default: 22 },
  dc: { type: 'host' },
  need: { type: 'host', required: true },
  mode: { type: 'choice', values: ['ad', 'any'], default: 'ad' },
  days: { type: 'integer', default: 14 },
  on: { type: 'boolean', default: true },
  note: { type: 'text', default: 'a note' },
  ca: { type: 'pem' },
  secret: { type: 'credential' },
}
const rule = {
  id: 'ssh',
  title: 'SSH responds',
  severity: 'high',
  direction: 'inbound',
  from: ['client'],
  probe: 'ssh',
  port: '${sshPort}',
  expect: { ssh: { speaks: true } },
}
const tls = (expectation: object) => ({ probe: 'tls', expect: { tls: expectation } })
const ldap = (expectation: object) => ({ probe: 'ldap', expect: { ldap: expectation } })

/** Parts of a rule with an expectation. */
const at = (part: string, expectation: object): object =>
  ({
    'insideWindow/expect': { insideWindow: { expect: expectation } },
    'unlike/expect': { unlike: { from: ['untrusted'], expect: expectation } },
  })[part] ?? { expect: expectation }

const onlyFamily = (family: string, host: string) => `must have ${family}: no other address of ${host} can count`

const check = (more: { parameters?: object; rule?: object; rules?: unknown; top?: object }) => {
  const own = { parameters: { ...parameters, ...more.parameters }, rules: more.rules ?? [{ ...rule, ...more.rule }] }
  return checkPolicy(JSON.parse(JSON.stringify({ name: 'p', title: 'P', ...own, ...more.top })))
}

describe('checkPolicy accepts', () => {
  test.each([
    { claim: 'a rule with a placeholder', rule: {} },
    {
      claim: 'demands inside a window that add to what is probed',
      rule: {
        ...tls({ trusted: true, trustedCa: '${ca}', minVersion: 'TLSv1.3', refuses: ['TLSv1.1'] }),
        insideWindow: { expect: { tls: { trustedCa: '${ca}', refuses: ['TLSv1'] } } },
      },
    },
    {
      claim: 'demands of a port that is closed outside a window',
      rule: {
        ...{ probe: 'https', expect: { state: ['closed'] } },
        insideWindow: { expect: { http: { plainServed: false } } },
      },
    },
    { claim: 'a host that has a value by `when`', rule: { when: '${dc}', host: '${dc}' } },
    { claim: 'a host that has a value by a list of conditions', rule: { when: ['${on}', '${dc}'], host: '${dc}' } },
    {
      claim: 'a host that has a value by a comparison',
      rule: { when: { value: '${dc}', differsFrom: 'x' }, host: 'a.${dc}' },
    },
    { claim: 'the family of the host', rule: { host: '192.0.2.1', families: ['ipv6', 'ipv4'] } },
    {
      claim: 'a family that may be that of the host',
      rule: { host: '192.0.2.1', families: ['${f}'] },
      parameters: { f: { type: 'choice', values: ['ipv4', 'ipv6'] } },
    },
    { claim: 'no port, where the probe has a default', rule: { port: undefined } },
    { claim: 'a required parameter', rule: { host: '${need}' } },
    { claim: 'a member that may lack its value', rule: tls({ trusted: true, trustedCa: '${ca}' }) },
    {
      claim: 'an item that may lack its value',
      rule: { expect: { ssh: { hostKeys: ['${hostKey}'] } } },
      parameters: { hostKey: { type: 'text' } },
    },
    { claim: 'flags from parameters', rule: tls({ trusted: '${on}', validNow: { value: '${mode}', equals: 'ad' } }) },
    {
      claim: 'a choice whose values all fit',
      rule: tls({ minVersion: '${v}' }),
      parameters: { v: { type: 'choice', values: ['TLSv1.2', 'TLSv1.3'] } },
    },
    { claim: 'placeholders in texts', rule: { title: 'SSH on ${sshPort}', rationale: '${note}' } },
    {
      claim: 'a bind',
      rule: { when: '${secret}', ...ldap({ security: ['starttls'], bind: { credentialRef: '${secret}' } }) },
    },
    { claim: 'a default that is another parameter', parameters: { other: { type: 'port', default: '${sshPort}' } } },
    { claim: 'no parameters', top: { parameters: undefined }, rule: { port: 22 } },
  ])('$claim', ({ claim, ...more }) => {
    expect(check(more), claim).toHaveProperty('document')
  })
})

type ValidationIssue = Parameters<typeof check>[0] & { pointer: string; message: string }

const issues: Record<string, ValidationIssue[]> = {
  'the shape of a document': [
    { top: { nmae: 'x' }, pointer: '/nmae', message: 'unknown field `nmae`: did you mean `name`?' },
    { top: { name: 'A B' }, pointer: '/name', message: 'must be text like ssh-restricted' },
    { top: { title: 'a\0b' }, pointer: '/title', message: 'must be well-formed text without control characters' },
    { rules: [], pointer: '/rules', message: 'must have at least 1 item' },
    {
      rules: ['ssh'],
      pointer: '/rules/0',
      message: 'must be an object with id, title, severity, direction, from, probe, expect',
    },
    { rules: [rule, { ...rule }], pointer: '/rules/1/id', message: 'must be unique: /rules/0 has the id ssh too' },
  ],
  'the shape of a rule': [
    { rule: { severity: 'hgih' }, pointer: '/rules/0/severity', message: 'must be one of low, medium, high' },
    {
      rule: { severity: undefined, serverity: 'low' },
      pointer: '/rules/0/serverity',
      message: 'unknown field `serverity`: did you mean `severity`?',
    },
    { rule: { from: ['Client!'] }, pointer: '/rules/0/from/0', message: 'must be text like client' },
    { rule: { from: [] }, pointer: '/rules/0/from', message: 'must have at least 1 item' },
    { rule: { port: 70000 }, pointer: '/rules/0/port', message: 'must be a port from 1 to 65535' },
    { rule: { port: '22' }, pointer: '/rules/0/port', message: 'must be a port from 1 to 65535' },
    {
      rule: { probe: 'tcp', port: undefined, expect: {} },
      pointer: '/rules/0/port',
      message: 'is missing: must be a port from 1 to 65535, since probe tcp has no default port',
    },
    {
      rule: { port: '${free}' },
      parameters: { free: { type: 'port' } },
      pointer: '/rules/0/port',
      message: 'needs a value, and ${free} may have none: give it a default, make it required, or ask for it in `when`',
    },
    { rule: { host: '127.1' }, pointer: '/rules/0/host', message: 'must be an IP address or a host name' },
    { rule: { controls: ['AC-17'] }, pointer: '/rules/0/controls/0', message: 'must be text like NIST-800-53:AC-17' },
    {
      rule: { when: null },
      pointer: '/rules/0/when',
      message:
        'must be text or a number or true or false or an object with value, equals or an object with value, differsFrom or a list',
    },
    {
      rule: { insideWindow: { expect: { state: ['up'] } } },
      pointer: '/rules/0/insideWindow/expect/state/0',
      message: 'must be one of open, closed, filtered, unreachable',
    },
    // Demands that nothing can meet, as both states prove nothing.
    ...['unknown', 'unresolved'].flatMap((state) => [
      ...['expect', 'insideWindow/expect', 'unlike/expect'].map((part) => ({
        rule: {
          ...{ probe: 'tcp', expect: {} },
          ...at(part, { state: ['open', state] }),
        },
        pointer: `/rules/0/${part}/state/1`,
        message: 'must be one of open, closed, filtered, unreachable',
      })),
      {
        rule: { expect: { state: ['${s}'] } },
        parameters: { s: { type: 'choice', values: ['open', state] } },
        pointer: '/rules/0/expect/state/0',
        message: `must be one of open, closed, filtered, unreachable; \${s} is a choice of open, ${state}`,
      },
    ]),
    {
      rule: tls({ trusted: { value: 1, equal: 1 } }),
      pointer: '/rules/0/expect/tls/trusted',
      message: 'must be true or false or an object with value, equals or an object with value, differsFrom',
    },
    {
      rule: tls({ trustedCa: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----' }),
      pointer: '/rules/0/expect/tls/trustedCa',
      message: 'must hold readable certificates: number 1 of 1 is not',
    },
    {
      rule: tls({ trustedCa: 'none' }),
      pointer: '/rules/0/expect/tls/trustedCa',
      message: 'must be text like -----BEGIN CERTIFICATE-----\nMII…\n-----END CERTIFICATE-----',
    },
  ],
  'a group of an expectation that no probe judges': [
    {
      rule: { expect: { sshd: {} } },
      pointer: '/rules/0/expect/sshd',
      message: 'unknown field `sshd`: did you mean `ssh`?',
    },
    { rule: { expect: { spdy: { speaks: true } } }, pointer: '/rules/0/expect/spdy', message: 'unknown field `spdy`' },
    {
      rule: { insideWindow: { expect: { spdy: {} } } },
      pointer: '/rules/0/insideWindow/expect/spdy',
      message: 'unknown field `spdy`',
    },
    {
      rule: { unlike: { from: ['untrusted'], expect: { spdy: {} } } },
      pointer: '/rules/0/unlike/expect/spdy',
      message: 'unknown field `spdy`',
    },
  ],
  'what its parts mean together': [
    {
      rule: { probe: 'tcp' },
      pointer: '/rules/0/expect/ssh',
      message: 'does not belong to probe tcp: it needs probe ssh',
    },
    {
      rule: { probe: 'tcp', expect: { tls: {} } },
      pointer: '/rules/0/expect/tls',
      message: expect.stringMatching(/^does not belong to probe tcp: it needs probe tls or https\b/),
    },
    {
      rule: { host: '192.0.2.1', families: ['ipv6'] },
      pointer: '/rules/0/families',
      message: onlyFamily('ipv4', '192.0.2.1'),
    },
    {
      rule: { host: '2001:db8::1', families: ['ipv4'] },
      pointer: '/rules/0/families',
      message: onlyFamily('ipv6', '2001:db8::1'),
    },
    {
      rule: { unlike: { from: ['support', 'client'], expect: { state: ['closed'] } } },
      pointer: '/rules/0/unlike/from/1',
      message: 'must not be a zone of `from`: the two sides are compared',
    },
    {
      rule: { unlike: { from: ['${zone}'], expect: { state: ['closed'] } } },
      pointer: '/rules/0/unlike/from/0',
      message: 'must be text like client, and no placeholder: it is the same for every target',
    },
    {
      rule: { unlike: { from: ['untrusted'], expect: { tls: {} } } },
      pointer: '/rules/0/unlike/expect/tls',
      message: expect.stringMatching(/^does not belong to probe ssh: it needs probe tls or https\b/),
    },
    {
      rule: { unlike: { from: ['untrusted'], expect: {} }, insideWindow: { expect: {} } },
      pointer: '/rules/0/insideWindow',
      message: 'does not go with `unlike`: a paired verdict needs both sides as they are',
    },
    {
      rule: { unlike: { from: ['untrusted'], expect: {} }, indirect: true },
      pointer: '/rules/0/indirect',
      message: 'does not go with `unlike`: a paired verdict needs both sides as they are',
    },
    {
      rule: { insideWindow: { expect: { http: {} } } },
      pointer: '/rules/0/insideWindow/expect/http',
      message: 'does not belong to probe ssh: it needs probe https',
    },
    ...[
      ['tls', 'trustedCa', { tls: { trusted: true } }, { tls: { trusted: true, trustedCa: '${ca}' } }],
      ['https', 'plainServed', { tls: { minVersion: 'TLSv1.2' } }, { http: { plainServed: false } }],
      ['https', 'plainServed', { http: { plainServed: false } }, { http: { answers: true } }],
      ['ldap', 'security', { ldap: { security: ['plain'] } }, { ldap: { security: ['ldaps'] } }],
      ['ldap', 'credentialRef', { ldap: { answers: true } }, { ldap: { bind: { credentialRef: 'env:AD' } } }],
    ].map(([probe, name, expectation, inside]) => ({
      rule: { probe, expect: expectation, insideWindow: { expect: inside } },
      pointer: '/rules/0/insideWindow/expect',
      message: `must have the same \`${name}\` as \`expect\`: one observation serves both`,
    })),
    ...[{ minVersion: 'TLSv1.3', refuses: ['TLSv1.3'] }, { refuses: [...tlsVersions] }].map((expectation) => ({
      rule: tls(expectation),
      pointer: '/rules/0/expect/tls/refuses',
      message: 'must leave a version that the rest of `tls` allows',
    })),
    ...[['SSLv3'], ['TLSv1', 'SSLv3']].map((refuses) => ({
      rule: tls({ minVersion: 'TLSv1.2', refuses }),
      pointer: '/rules/0/expect/tls/refuses',
      message: 'must not name SSLv3: no handshake of this service offers it, so that the rule would never pass',
    })),
    ...['*-cbc', 'hmac-md5,hmac-sha1', '+hmac-md5', 'hmac-md5 ', ''].map((name) => ({
      rule: { expect: { ssh: { forbid: ['3des-cbc', name] } } },
      pointer: '/rules/0/expect/ssh/forbid/1',
      message: 'must be text like hmac-md5',
    })),
    {
      rule: ldap({ security: ['ldaps'], plainBind: 'refused' }),
      pointer: '/rules/0/expect/ldap/security',
      message: 'must allow plain or starttls with `plainBind`, which is tried in clear',
    },
    {
      rule: { expect: { state: ['closed'], ssh: {} } },
      pointer: '/rules/0/expect/ssh',
      message: 'can be seen on an open port only, and `state` does not allow open',
    },
    {
      rule: { expect: { state: ['closed'], hostAnswered: true } },
      pointer: '/rules/0/expect/hostAnswered',
      message: 'concerns silent ports only, and `state` does not allow filtered',
    },
    {
      rule: { expect: { hostAnswered: true } },
      pointer: '/rules/0/expect/hostAnswered',
      message: 'concerns silent ports only, and `state` does not allow filtered',
    },
    {
      rule: ldap({ security: ['plain'], bind: { credentialRef: 'env:A' } }),
      pointer: '/rules/0/expect/ldap/security',
      message: 'must not allow plain with `bind`: a credential is sent over starttls or ldaps only',
    },
  ],
  placeholders: [
    {
      rule: { port: '${dc}', when: '${dc}' },
      pointer: '/rules/0/port',
      message: 'must be a port from 1 to 65535; ${dc} is a host',
    },
    {
      rule: { port: '${days}' },
      pointer: '/rules/0/port',
      message: 'must be a port from 1 to 65535; ${days} is an integer',
    },
    {
      rule: { port: '2${sshPort}' },
      pointer: '/rules/0/port',
      message: 'must be a port from 1 to 65535; ${sshPort} is a port',
    },
    {
      rule: { host: '${note}' },
      pointer: '/rules/0/host',
      message: 'must be an IP address or a host name; ${note} is text',
    },
    {
      rule: tls({ trusted: '${sshPort}' }),
      pointer: '/rules/0/expect/tls/trusted',
      message:
        'must be true or false or an object with value, equals or an object with value, differsFrom; ${sshPort} is a port',
    },
    {
      rule: tls({ minVersion: '${mode}' }),
      pointer: '/rules/0/expect/tls/minVersion',
      message: 'must be one of SSLv3, TLSv1, TLSv1.1, TLSv1.2, TLSv1.3; ${mode} is a choice of ad, any',
    },
    {
      rule: tls({ minDaysLeft: '${days}' }),
      parameters: { days: { type: 'integer', default: 9999 } },
      pointer: '/rules/0/expect/tls/minDaysLeft',
      message: 'must be a whole number from 0 to 3650; ${days} is an integer',
    },
    {
      rule: { expect: { ssh: { hostKeys: ['${note}'] } } },
      pointer: '/rules/0/expect/ssh/hostKeys/0',
      message: `must be text like SHA256:${'0123'.repeat(10)}abc; \${note} is text`,
    },
    {
      rule: { port: '${shPort}' },
      pointer: '/rules/0/port',
      message: 'names no parameter of this policy: ${shPort}; did you mean ${sshPort}?',
    },
    {
      rule: { when: '${constructor}' },
      pointer: '/rules/0/when',
      message: 'names no parameter of this policy: ${constructor}',
    },
    {
      rule: tls({ trusted: { value: '${nothing}', equals: 1 } }),
      pointer: '/rules/0/expect/tls/trusted',
      message: 'names no parameter of this policy: ${nothing}',
    },
    {
      rule: { port: '${ssh-port}' },
      pointer: '/rules/0/port',
      message: 'holds a broken placeholder: write ${name}, with letters and digits only',
    },
    {
      rule: { id: '${mode}' },
      pointer: '/rules/0/id',
      message: 'must be text like ssh-restricted, and no placeholder: it is the same for every target',
    },
    {
      rule: { from: ['${mode}'] },
      pointer: '/rules/0/from/0',
      message: 'must be text like client, and no placeholder: it is the same for every target',
    },
  ],
  'values that may be missing': [
    {
      rule: { port: '${p}' },
      parameters: { p: { type: 'port' } },
      pointer: '/rules/0/port',
      message: 'needs a value, and ${p} may have none: give it a default, make it required, or ask for it in `when`',
    },
    {
      rule: { host: '${dc}' },
      pointer: '/rules/0/host',
      message: 'needs a value, and ${dc} may have none: give it a default, make it required, or ask for it in `when`',
    },
    {
      rule: { title: 'At ${dc}' },
      pointer: '/rules/0/title',
      message: 'needs a value, and ${dc} may have none: give it a default, make it required, or ask for it in `when`',
    },
    {
      rule: { host: '${alias}' },
      parameters: { alias: { type: 'host', default: '${dc}' } },
      pointer: '/rules/0/host',
      message:
        'needs a value, and ${alias} may have none: give it a default, make it required, or ask for it in `when`',
    },
    {
      rule: tls({ trusted: { value: '${dc}', equals: 'a' } }),
      pointer: '/rules/0/expect/tls/trusted',
      message: 'needs a value, and ${dc} may have none: give it a default, make it required, or ask for it in `when`',
    },
    {
      rule: ldap({ bind: { credentialRef: '${secret}' } }),
      pointer: '/rules/0/expect/ldap/bind/credentialRef',
      message:
        'needs a value, and ${secret} may have none: give it a default, make it required, or ask for it in `when`',
    },
  ],
  comparisons: [
    {
      rule: { when: { value: '${mode}', equals: 'AD' } },
      pointer: '/rules/0/when',
      message: 'can never be equal: ${mode} is a choice of ad, any',
    },
    {
      rule: { when: ['${on}', { value: '22', differsFrom: '${sshPort}' }] },
      pointer: '/rules/0/when',
      message: 'can never be equal: ${sshPort} is a port',
    },
    {
      rule: { when: { value: '${sshPort}', equals: '${note}' } },
      pointer: '/rules/0/when',
      message: 'can never be equal: ${sshPort} is a port, ${note} is text',
    },
  ],
  parameters: [
    {
      parameters: { 'ssh-port': { type: 'port' } },
      pointer: '/parameters/ssh-port',
      message: 'must have a name that matches ^[a-zA-Z][a-zA-Z0-9]{0,63}$',
    },
    {
      parameters: { x: { type: 'number' } },
      pointer: '/parameters/x/type',
      message: 'must be one of port, host, integer, boolean, text, choice, pem, credential',
    },
    {
      parameters: { x: { type: 'choice' } },
      pointer: '/parameters/x/values',
      message: 'is missing: a choice needs its values',
    },
    {
      parameters: { x: { type: 'port', values: ['1'] } },
      pointer: '/parameters/x/values',
      message: 'belongs to type choice only; this is of type port',
    },
    {
      parameters: { x: { type: 'choice', values: ['a', 'b'], default: 'c' } },
      pointer: '/parameters/x/default',
      message: 'must be one of a, b',
    },
    {
      parameters: { x: { type: 'port', default: '22' } },
      pointer: '/parameters/x/default',
      message: 'must be a port from 1 to 65535',
    },
    {
      parameters: { x: { type: 'port', default: 1, required: true } },
      pointer: '/parameters/x/default',
      message: 'contradicts `required`: give one of the two',
    },
    {
      parameters: { x: { type: 'port', default: '${dc}' } },
      pointer: '/parameters/x/default',
      message: 'must be a port from 1 to 65535; ${dc} is a host',
    },
    {
      parameters: { x: { type: 'port', default: '${unknown}' } },
      pointer: '/parameters/x/default',
      message: 'names no parameter of this policy: ${unknown}',
    },
    {
      parameters: { x: { type: 'text', default: 'a ${note}' } },
      pointer: '/parameters/x/default',
      message: 'must be a value, or one placeholder and nothing else',
    },
    {
      parameters: { x: { type: 'port', default: '${x}' } },
      pointer: '/parameters/x/default',
      message: 'leads back to itself: x → x',
    },
    {
      parameters: { x: { type: 'pem', default: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----' } },
      pointer: '/parameters/x/default',
      message: 'must hold readable certificates: number 1 of 1 is not',
    },
  ],
}

describe.each(Object.entries(issues))('checkPolicy on %s', (_, cases) => {
  test.each(cases)('$pointer: $message', ({ pointer, message, ...more }) => {
    const checked = check(more)
    expect(checked).toMatchObject({ errors: expect.arrayContaining([{ pointer, message }]) })
  })
})

describe('checkPolicy', () => {
  test('finds a circle of defaults from each of its members', () => {
    const circle = { a: { type: 'port', default: '${b}' }, b: { type: 'port', default: '${a}' } }
    expect(check({ parameters: circle })).toEqual({
      errors: [
        { pointer: '/parameters/a/default', message: 'leads back to itself: a → b → a' },
        { pointer: '/parameters/b/default', message: 'leads back to itself: b → a → b' },
      ],
    })
  })

  test('follows a long chain of defaults, and none of thousands', () => {
    const chain = (length: number) =>
      Object.fromEntries(
        Array.from({ length }, (_, index) => {
          const preset = index + 1 < length ? `\${p${index + 1}}` : 22
          return [`p${index}`, { type: 'port', default: preset }]
        }),
      )
    expect(check({ top: { parameters: chain(200) }, rule: { port: '${p0}' } })).toHaveProperty('document')
    expect(check({ top: { parameters: chain(20_000) }, rule: { port: '${p0}' } })).toEqual({
      errors: [{ pointer: '/parameters', message: 'must have at most 200 members' }],
    })
  })

  test('reports all validation issues together, each once', () => {
    const wrong = { probe: 'tcp', severity: 'none', port: '${unknown}', tilde: 1 }
    const { errors } = check({ rule: wrong, top: { 'a/b~': 1 } }) as { errors: { pointer: string }[] }
    expect(errors.map(({ pointer }) => pointer).sort()).toEqual([
      '/a~1b~0',
      '/rules/0/expect/ssh',
      '/rules/0/port',
      '/rules/0/severity',
      '/rules/0/tilde',
    ])
  })

  test('stops reporting after a hundred', () => {
    const rules = Array.from({ length: 120 }, (_, index) => ({ ...rule, id: `r${index}`, port: 0 }))
    const { errors } = check({ rules }) as { errors: unknown[] }
    expect(errors).toHaveLength(101)
    expect(errors.at(-1)).toEqual({ pointer: '', message: 'and 20 more issues' })
  })

  test.each([null, undefined, 1, 'text', [], true])('refuses %o', (value) => {
    expect(checkPolicy(value)).toEqual({
      errors: [{ pointer: '', message: 'must be an object with name, title, rules' }],
    })
  })
})
