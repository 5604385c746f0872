// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are the placeholders of policies
import { describe, expect, test } from 'vitest'
import { protocolNames } from '../../src/domain/protocols/index.ts'
import { loadPolicy } from '../../src/policies/load.ts'
import { readDocument } from '../../src/policies/read.ts'

const yaml = `name: p
title: P
parameters:
  sshPort:
    type: port
    default: 22
rules:
  - id: ssh
    title: SSH responds
    severity: high
    direction: inbound
    from: [client]
    probe: ssh
    port: \${sshPort}
    expect: &open { state: [open] }
    insideWindow: { expect: *open }
`

describe('loadPolicy', () => {
  test('reads YAML, with anchors', () => {
    const checked = loadPolicy(yaml, 'yaml')
    const expectation = { state: ['open'] }
    expect(checked).toMatchObject({
      document: { rules: [{ port: '${sshPort}', expect: expectation, insideWindow: { expect: expectation } }] },
    })
  })

  test('reads the same document from JSON, tabs and all', () => {
    const { document } = loadPolicy(yaml, 'yaml') as { document: object }
    expect(loadPolicy(JSON.stringify(document, null, '\t'), 'json')).toEqual({ document })
  })

  test.each([
    {
      edit: ['severity: high', 'severity: hi'],
      line: 10,
      pointer: '/rules/0/severity',
      message: 'must be one of low, medium, high',
    },
    { edit: ['severity: high', 'sev: high'], line: 10, pointer: '/rules/0/sev', message: 'unknown field `sev`' },
    {
      edit: ['    probe: ssh\n', ''],
      line: 8,
      pointer: '/rules/0/probe',
      message: `is missing: must be one of ${protocolNames.join(', ')}`,
    },
    { edit: ['[client]', '[client, B]'], line: 12, pointer: '/rules/0/from/1', message: 'must be text like client' },
    {
      edit: ['default: 22', 'default: 0'],
      line: 6,
      pointer: '/parameters/sshPort/default',
      message: 'must be a port from 1 to 65535',
    },
    {
      edit: ['state: [open]', 'state: [ajar]'],
      line: 15,
      pointer: '/rules/0/expect/state/0',
      message: /^must be one of/,
    },
    { edit: ['title: P', '<<: { a: 1 }\ntitle: P'], line: 2, pointer: '/<<', message: 'unknown field `<<`' },
    { edit: ['default: 22', 'default: .inf'], line: 6, pointer: '/parameters/sshPort/default', message: /^must be/ },
  ])('names line $line for $pointer', ({ edit: [from = '', to = ''], line, pointer, message }) => {
    const { errors } = loadPolicy(yaml.replace(from, to), 'yaml') as { errors: unknown[] }
    const wanted = typeof message === 'string' ? message : expect.stringMatching(message)
    expect(errors).toContainEqual({ line, pointer, message: wanted })
  })

  test('names lines of JSON too', () => {
    const text = '{\n "name": "p",\n "title": "P",\n "rules": 1\n}'
    expect(loadPolicy(text, 'json')).toEqual({ errors: [{ line: 4, pointer: '/rules', message: 'must be a list' }] })
  })

  test('orders errors by line', () => {
    const text = yaml.replace('name: p', 'name: P').replace('type: port', 'type: prt').replace('probe: ssh', 'probe: x')
    const { errors } = loadPolicy(text, 'yaml') as { errors: { line: number }[] }
    expect(errors.map(({ line }) => line)).toEqual([1, 5, 13, 14])
  })
})

describe('readDocument refuses', () => {
  const bomb = [
    'a: &a [x]',
    ...'bcdefghi'.split('').map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]},`.repeat(9)}]`),
  ]
  test.each<{ claim: string; text: string; format?: 'json'; errors: object[] }>([
    {
      claim: 'repeated names',
      text: 'a: 1\nb: { c: 1, c: 2 }\na: 2',
      errors: [
        { line: 3, message: 'must be given once: `a`' },
        { line: 2, message: 'must be given once: `c`' },
      ],
    },
    {
      claim: 'repeated names in JSON',
      text: '{"a": 1,\n"\\u0061": 2}',
      format: 'json',
      errors: [{ line: 2, message: 'must be given once: `a`' }],
    },
    {
      claim: 'tags of others',
      text: 'a: 1\nb: !!js/function x',
      errors: [{ line: 2, message: 'a tag is not accepted: write plain values' }],
    },
    {
      claim: 'tags of YAML',
      text: 'a: !!binary aGk=\nb: !!set {x}',
      errors: [
        { line: 1, message: 'a tag is not accepted: write plain values' },
        { line: 2, message: 'a tag is not accepted: write plain values' },
      ],
    },
    { claim: 'two documents', text: 'a: 1\n---\nb: 1', errors: [{ line: 2, message: 'must be one document' }] },
    {
      claim: 'keys that are no text',
      text: '? [a]\n: 1',
      errors: [{ line: 1, message: 'is not YAML: With stringKeys, all keys must be strings' }],
    },
    {
      claim: 'a placeholder without quotes in a flow mapping',
      text: 'a: 1\nb: { c: ${d} }',
      errors: [
        {
          line: 2,
          message:
            'is not YAML: Unexpected flow-map-start at node end; inside [ ] and { } a placeholder needs quotes: "${name}"',
        },
      ],
    },
    { claim: 'an alias to nothing', text: 'a: *b', errors: [{ message: expect.stringContaining('Unresolved alias') }] },
    {
      claim: 'an alias inside its own anchor',
      text: 'a: &a [*a]',
      errors: [{ line: 1, message: 'the alias *a is inside its own anchor: its value would hold itself' }],
    },
    {
      claim: 'a bomb of aliases',
      text: bomb.join('\n'),
      errors: [{ message: expect.stringContaining('Excessive alias count') }],
    },
    {
      claim: 'large things repeated by aliases',
      text: `a: &a ${'x'.repeat(9e5)}\nb: [*a, *a]`,
      errors: [{ message: 'cannot be read: its aliases make it too large' }],
    },
    {
      claim: 'deep nesting',
      text: 'a: 1\nb: '.padEnd(5e5, '['),
      errors: [{ line: 2, message: 'is nested too deeply' }],
    },
    {
      claim: 'deep nesting in JSON',
      text: '['.repeat(1e5) + ']'.repeat(1e5),
      format: 'json',
      errors: [{ line: 1, message: 'is nested too deeply' }],
    },
    {
      claim: 'very many parts',
      text: '- a\n'.repeat(2e5),
      errors: [{ message: 'has too many parts: make two policies of it' }],
    },
    {
      claim: 'more than a mebibyte',
      text: `a: ${'€'.repeat(4e5)}`,
      errors: [{ message: 'must be at most 1048576 bytes long' }],
    },
    {
      claim: 'broken JSON',
      text: '{"a": 1,\n"b" 2}',
      format: 'json',
      errors: [{ line: 2, message: expect.stringMatching(/^is not JSON: Expected ':' after/) }],
    },
    { claim: 'YAML as JSON', text: 'a: 1', format: 'json', errors: [{ message: "is not JSON: Unexpected token 'a'" }] },
  ])('$claim', ({ text, format, errors }) => {
    expect(readDocument(text, format ?? 'yaml')).toEqual({ errors: errors.map((error) => ({ pointer: '', ...error })) })
  })

  test.each(['%YAML 1.1\n---\na: yes', 'a: yes'])('the words of YAML 1.1 for true: %j', (text) => {
    expect(readDocument(text, 'yaml')).toMatchObject({ value: { a: 'yes' } })
  })

  test('nothing that has no value at all: that is null', () => {
    expect(readDocument('', 'yaml')).toMatchObject({ value: null })
  })
})
