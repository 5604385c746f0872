import { describe, expect, test } from 'vitest'
import type { PolicyDocument } from '../../src/domain/policy/policy.ts'
import { loadPolicy } from '../../src/policies/load.ts'
import { createRegions } from '../../src/policies/regions.ts'

const baseText = `
name: servers
title: Servers
source: a manual
parameters:
  sshPort: { type: port, default: 22, description: SSH }
  webPort: { type: port, default: 443 }
rules:
  - { id: ssh, title: SSH is closed, severity: high, direction: inbound, from: [client], probe: tcp, port: "\${sshPort}",
      expect: { state: [closed] }, rationale: It has no use here. }
  - { id: web, title: HTTPS is open, severity: low, direction: inbound, from: [client], probe: tcp, port: "\${webPort}", expect: {} }
  - { id: telnet, title: Telnet is closed, severity: high, direction: inbound, from: [client], probe: tcp, port: 23,
      expect: { state: [closed] } }
`
const { document } = loadPolicy(baseText, 'yaml') as { document: PolicyDocument }
const base = { label: 'servers@3', document }
const head = 'name: ours\nextends: servers\n'
const load = (text: string) => loadPolicy(text, 'yaml', base)
const resolve = (text: string) => {
  const checked = load(head + text)
  if ('errors' in checked) throw new Error(JSON.stringify(checked.errors))
  return checked.document
}

describe('a document that extends another', () => {
  test('is its base under its own name, which it records', () => {
    expect(resolve('')).toEqual({ ...document, name: 'ours', base: 'servers@3' })
  })

  test('replaces fields of parameters and rules one by one, each as a whole', () => {
    const resolved = resolve(`
title: Our servers
parameters:
  sshPort: { default: 2222 }
rules:
  - { id: web, severity: high, expect: { state: [open, closed] } }
  - { id: ssh, from: [client, untrusted] }
`)
    const [ssh, web, telnet] = document.rules
    expect(resolved).toEqual({
      ...document,
      name: 'ours',
      title: 'Our servers',
      base: 'servers@3',
      parameters: { ...document.parameters, sshPort: { type: 'port', default: 2222, description: 'SSH' } },
      rules: [
        { ...ssh, from: ['client', 'untrusted'] },
        { ...web, severity: 'high', expect: { state: ['open', 'closed'] } },
        telnet,
      ],
    })
  })

  test('removes rules that it omits, and parameters and fields that are null', () => {
    const resolved = resolve(
      'omit: [ssh, telnet]\nsource: null\nparameters: { sshPort: null, webPort: null }\nrules: [{ id: web, port: 8443, severity: low }]\n',
    )
    const { source: _source, parameters: _parameters, ...rest } = document
    expect(resolved).toEqual({
      ...{ ...rest, name: 'ours', base: 'servers@3' },
      rules: [{ ...document.rules[1], port: 8443 }],
    })
    expect(resolve('rules: [{ id: ssh, rationale: null }]').rules[0]).not.toHaveProperty('rationale')
  })

  test('adds parameters and rules of its own, after those of its base', () => {
    const resolved = resolve(`
parameters: { rdpPort: { type: port, default: 3389 } }
rules:
  - { id: rdp, title: RDP is closed, severity: high, direction: inbound, from: [client], probe: tcp, port: "\${rdpPort}", expect: { state: [closed] } }
`)
    expect(resolved.rules.map(({ id }) => id)).toEqual(['ssh', 'web', 'telnet', 'rdp'])
    expect(Object.keys(resolved.parameters ?? {})).toEqual(['sshPort', 'webPort', 'rdpPort'])
  })

  test('has lines of its own text where its rules are, and its beginning for the others', () => {
    const text = `${head}rules:\n  - id: telnet\n    severity: low\n`
    const regionOf = createRegions(resolve('rules: [{ id: telnet, severity: low }]'), text)
    expect([regionOf('telnet').startLine, regionOf('ssh').startLine]).toEqual([4, 1])
  })

  test('cannot be checked without its base, and says which one it needs', () => {
    expect(loadPolicy('name: ours\nextends: servers@2\n', 'yaml')).toEqual({
      errors: [{ pointer: '/extends', message: 'there is no policy servers@2', line: 2 }],
      missingBase: { name: 'servers', version: 2 },
    })
  })
})

describe('what is wrong in a document that extends another', () => {
  const name = head
  test.each([
    ['extends: ../servers.yaml\nname: ours\n', '/extends', 1, /^must be the name of a policy, NAME or NAME@VERSION/],
    ['name: servers\nextends: servers@1\n', '/extends', 2, /^must be another policy/],
    ['extends: servers\n', '/name', 1, /^is missing/],
    [`${name}base: servers@1\n`, '/base', 3, /does not go with `extends`/],
    [`${name}omit: [shh]\n`, '/omit/0', 3, /^servers@3 has no rule `shh`: did you mean `ssh`\?$/],
    [`${name}omit: ssh\n`, '/omit', 3, /^must be a list/],
    [`${name}omit: [ssh]\nrules: [{ id: ssh, severity: low }]\n`, '/omit/0', 3, /give one of the two/],
    [`${name}rules: [{ id: shh, severity: low }]\n`, '/rules/0/id', 3, /has no rule `shh`: did you mean `ssh`\?$/],
    [
      `${name}rules: [{ id: other, severity: low }]\n`,
      '/rules/0/id',
      3,
      /a new rule needs title, direction, from, probe/,
    ],
    [`${name}rules: [{ severity: low }]\n`, '/rules/0/id', 3, /^is missing/],
    [`${name}rules: [3]\n`, '/rules/0', 3, /^must be an object/],
    [`${name}rules: [{ id: ssh }, { id: ssh }]\n`, '/rules/1/id', 3, /^must be unique: \/rules\/0 has the id ssh/],
    [`${name}rules:\n  - id: web\n    port: 70000\n`, '/rules/0/port', 5, /^must be a port from 1 to 65535/],
    [`${name}rules: [{ id: web, title: null }]\n`, '/rules/0/title', 3, /^is missing/],
    [
      `${name}rules:\n  - id: web\n    probe: ssh\n    expect: { tls: { trusted: true } }\n`,
      '/rules/0/expect/tls',
      6,
      /probe/,
    ],
    [`${name}rules: [{ id: web, unlike: { from: [client], expect: {} } }]\n`, '/rules/0/unlike/from/0', 3, /two sides/],
    [
      `${name}parameters: { shhPort: { default: 1 } }\n`,
      '/parameters/shhPort',
      3,
      /no parameter `shhPort`: did you mean `sshPort`\?$/,
    ],
    [`${name}parameters: { other: { default: 1 } }\n`, '/parameters/other', 3, /a new parameter needs its `type`$/],
    [`${name}parameters: { other: null }\n`, '/parameters/other', 3, /^servers@3 has no parameter `other`$/],
    [`${name}parameters: [1]\n`, '/parameters', 3, /^must be an object/],
    [`${name}parameters: { sshPort: 22 }\n`, '/parameters/sshPort', 3, /^must be an object, or null/],
    [
      `${name}parameters: { sshPort: { type: text, default: {} } }\nomit: [ssh]\n`,
      '/parameters/sshPort/default',
      3,
      /^must be/,
    ],
    [`${name}parameters: { sshPort: null }\n`, '/extends', 2, /^makes rule ssh of servers@3 invalid, port: .*sshPort/],
    [
      `${name}parameters: { sshPort: { type: text } }\nomit: [ssh]\n`,
      '/parameters/sshPort',
      3,
      /^makes parameter sshPort of servers@3 invalid, default/,
    ],
    [
      `${name}omit: [ssh, web, telnet]\n`,
      '/extends',
      2,
      /^makes rules of servers@3 invalid: must have at least 1 item/,
    ],
    [`${name}rulez: []\n`, '/rulez', 3, /unknown field `rulez`/],
  ] as const)('is named where it is: %j', (text, pointer, line, message) => {
    expect(load(text)).toEqual({ errors: [{ pointer, line, message: expect.stringMatching(message) }] })
  })

  test('holds for both together: at most 500 rules', () => {
    const rules = Array.from(
      { length: 499 },
      (_, i) =>
        `  - { id: r${i}, title: R, severity: low, direction: inbound, from: [client], probe: tcp, port: 1, expect: {} }\n`,
    )
    expect(load(`${head}rules:\n${rules.join('')}`)).toMatchObject({
      errors: [{ pointer: '/rules', message: 'must have at most 500 items' }],
    })
  })
})
