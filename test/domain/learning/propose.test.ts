import { describe, expect, test } from 'vitest'
import type { Discovery } from '../../../src/domain/learning/discovery.ts'
import { readPorts } from '../../../src/domain/learning/discovery.ts'
import { forms, hintedFor, plainForm } from '../../../src/domain/learning/forms.ts'
import { type DiscoveredFrom, proposePolicy } from '../../../src/domain/learning/propose.ts'
import { loadPolicy } from '../../../src/policies/load.ts'
import { writeYaml } from '../../../src/policies/write.ts'

const observedAt = '2026-11-22T02:00:00.000Z'
const part = (
  vantage: string,
  zones: string[],
  open: [target: number, port: number, form: string][],
): DiscoveredFrom => ({
  ...{ vantage, zones },
  discovery: {
    observedAt,
    open: open.map(([target, port, form]) => ({ target, port, form })),
    undecided: [],
  } as Discovery,
})
const targets = [{ name: 'one' }, { name: 'two' }]
const propose = (...parts: DiscoveredFrom[]) => proposePolicy({ name: 'proposed', targets, ports: ['1-1024'], parts })

describe('a proposal', () => {
  test('has a rule for each flow, by port, which says what was observed, where and when', () => {
    const { document } = propose(
      part(
        'hq',
        ['client'],
        [
          [0, 443, 'https'],
          [0, 22, 'ssh'],
          [1, 22, 'ssh'],
          [1, 443, 'https'],
        ],
      ),
    )
    expect(document?.rules).toMatchObject([
      { id: 'ssh-22', probe: 'ssh', port: 22, from: ['client'], severity: 'medium', direction: 'inbound' },
      {
        id: 'https-443',
        probe: 'https',
        port: 443,
        from: ['client'],
        expect: { state: ['open'], http: { answers: true } },
      },
    ])
    expect(document?.rules[0]?.rationale).toBe(
      `Proposed, to be reviewed: observed on one, two from hq at ${observedAt}`,
    )
  })

  test('applies what one target alone shows only where a parameter says so', () => {
    const { document } = propose(
      part(
        'hq',
        ['client'],
        [
          [0, 22, 'ssh'],
          [1, 22, 'ssh'],
          [1, 8080, 'tcp'],
        ],
      ),
    )
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the policy
    expect(document?.rules).toMatchObject([{ id: 'ssh-22' }, { id: 'tcp-8080-some', when: '${tcp8080Applies}' }])
    expect(document?.parameters).toMatchObject({
      tcp8080Applies: {
        type: 'boolean',
        default: false,
        description: expect.stringContaining('observed on two from hq'),
      },
    })
  })

  test('names a zone where all of its vantages see the flow, and not another', () => {
    const { document } = propose(
      part(
        'hq',
        ['client', 'office'],
        [
          [0, 22, 'ssh'],
          [1, 22, 'ssh'],
        ],
      ),
      part('branch', ['office'], []),
    )
    expect(document?.rules).toMatchObject([
      { id: 'ssh-22', from: ['client'] },
      { id: 'ssh-22-some', from: ['office'] },
    ])
  })

  test('is no document where nothing is open', () => {
    expect(propose(part('hq', ['client'], []))).toEqual({ document: undefined, omitted: 0 })
  })

  test('is a valid policy in YAML, with every form, and with more flows than a document has room for', () => {
    const all = [...forms, plainForm].flatMap(({ id }) =>
      [0, 1].map((target): [number, number, string] => [target, 22, id]),
    )
    const many = Array.from({ length: 2_000 }, (_, i): [number, number, string] => [
      i % 3 === 0 ? 0 : i % 2,
      1000 + (i >> 1),
      'tcp',
    ])
    for (const open of [all, many]) {
      const { document, omitted } = propose(part('hq', ['client'], open))
      expect(document && loadPolicy(writeYaml(document), 'yaml')).toEqual({ document })
      expect(omitted > 0).toBe(open === many)
    }
  })

  test('of many targets and vantages stays within the lengths of a policy', () => {
    const names = Array.from({ length: 256 }, (_, i) => ({ name: `${'x'.repeat(245)}${i}` }))
    const seen = names.slice(1).map((_, target): [number, number, string] => [target, 443, 'https'])
    const parts = Array.from({ length: 50 }, (_, i) => part(`vantage-${i}`, ['client'], seen))
    const { document } = proposePolicy({ name: 'proposed', targets: names, ports: Array(200).fill('1-1024'), parts })
    expect(document && loadPolicy(writeYaml(document), 'yaml')).toEqual({ document })
  })
})

describe('ports', () => {
  test.each([
    [['443'], [443]],
    [
      ['8000-8002', '443', '8001'],
      [443, 8000, 8001, 8002],
    ],
    [['65535'], [65_535]],
  ])('%j are %j', (texts, ports) => {
    expect(readPorts(texts)).toEqual(ports)
  })
  test.each(['0', '65536', '5-4', '1-', 'http', '1-2-3', ' 1', '1e3'])('%j is none', (text) => {
    expect(readPorts([text])).toBeUndefined()
  })
})

describe('forms', () => {
  test('have ids of their own, and protocols without a chosen one have one on their default port', () => {
    const ids = [...forms, plainForm].map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(hintedFor(88)).toMatchObject([{ id: 'kerberos', probe: 'kerberos' }])
    expect(hintedFor(445)).toMatchObject([{ id: 'smb', expect: { smb: { speaks: true } } }])
  })
})
