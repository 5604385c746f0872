import { describe, expect, test } from 'vitest'
import { type Origin, originsOf, planTarget, type Vantage } from '../../../src/domain/findings/plan.ts'
import { ruleThat } from './rules.ts'

const branch: Vantage = { name: 'branch', zones: ['client', 'untrusted'] }
const core: Vantage = { name: 'core', zones: ['server'] }
const office: Vantage = { name: 'office', zones: ['client'] }
const covered = (vantage: string, indirect = false): Origin => ({ vantage, covered: true, indirect })
const uncovered = (zone: string): Origin => ({ vantage: `zone:${zone}`, covered: false, indirect: false })

describe('the vantages of a rule', () => {
  const cases: [string, { from: string[]; indirect?: boolean }, Vantage[], Origin[]][] = [
    ['are the vantages in its zone', { from: ['client'] }, [core, office], [covered('office')]],
    ['are all of them, by name', { from: ['client'] }, [office, core, branch], [covered('branch'), covered('office')]],
    ['name a vantage of two zones once', { from: ['client', 'untrusted'] }, [branch], [covered('branch')]],
    ['name a zone without one', { from: ['client', 'support'] }, [office], [covered('office'), uncovered('support')]],
    ['name every zone without one', { from: ['a', 'b'] }, [office], [uncovered('a'), uncovered('b')]],
    ['name the zone where there is no vantage at all', { from: ['client'], indirect: true }, [], [uncovered('client')]],
    ['take another where that is accepted', { from: ['server'], indirect: true }, [office], [covered('office', true)]],
    ['take one stand-in, the first by name', { from: ['a'], indirect: true }, [office, core], [covered('core', true)]],
    ['take no stand-in beside a direct one', { from: ['server'], indirect: true }, [core, office], [covered('core')]],
    [
      'take no stand-in for one of two zones',
      { from: ['server', 'support'], indirect: true },
      [core],
      [covered('core'), uncovered('support')],
    ],
  ]
  test.each(cases)('%s', (_, rule, vantages, origins) => {
    expect(originsOf(rule, vantages)).toEqual(origins)
  })

  test('do not depend on the order of the vantages', () => {
    const rule = { from: ['client', 'server', 'support'] }
    expect(originsOf(rule, [office, branch, core])).toEqual(originsOf(rule, [core, branch, office]))
  })
})

describe('the plan for a target', () => {
  const target = { address: '10.0.0.5' }
  const rule = (id: string, host?: string) => ({ ...ruleThat({}), id, ...(host ? { host } : {}) })

  test('probes the address of the target, or the host that the rule names', () => {
    const own = rule('own')
    const other = rule('other', 'dc1.corp.test')
    expect(
      planTarget(
        target,
        [own, other].map((r) => ({ id: r.id, from: ['client'], resolved: r })),
        [office],
      ),
    ).toEqual([
      { kind: 'probe', origin: covered('office'), rule: own, host: '10.0.0.5' },
      { kind: 'probe', origin: covered('office'), rule: other, host: 'dc1.corp.test' },
    ])
  })

  test('settles what no vantage can probe as not checked', () => {
    expect(planTarget(target, [{ id: 'r', from: ['support'], resolved: rule('r') }], [office])).toEqual([
      {
        kind: 'settled',
        origin: uncovered('support'),
        ruleId: 'r',
        result: 'notchecked',
        reason: 'no-vantage-in-zone',
      },
    ])
  })

  test('settles a rule whose condition is not met as not applicable, from every origin', () => {
    const rules = [{ id: 'r', from: ['client', 'support'], resolved: 'notapplicable' as const }]
    const settled = { kind: 'settled', ruleId: 'r', result: 'notapplicable', reason: 'condition-not-met' }
    expect(planTarget(target, rules, [office])).toEqual([
      { ...settled, origin: covered('office') },
      { ...settled, origin: uncovered('support') },
    ])
  })

  test('settles a rule that this version cannot judge as an error', () => {
    const newer = [{ id: 'r', from: ['client', 'support'], resolved: 'unsupported' as const }]
    expect(planTarget(target, newer, [office])).toMatchObject([
      { kind: 'settled', origin: { vantage: 'office' }, result: 'error', reason: 'expectation-not-supported' },
      { kind: 'settled', origin: { vantage: 'zone:support' }, result: 'notchecked' },
    ])
  })

  test('is empty only without rules', () => {
    expect(planTarget(target, [], [office])).toEqual([])
    expect(planTarget(target, [{ id: 'r', from: ['client'], resolved: rule('r') }], [])).toHaveLength(1)
  })
})

describe('planning a paired rule', () => {
  const vantages = [
    { name: 'hq', zones: ['client'] },
    { name: 'dmz', zones: ['untrusted'] },
    { name: 'cafe', zones: ['untrusted'] },
  ]
  const resolved = { ...ruleThat({}), unlike: { from: ['untrusted'], expect: {} } }
  const plan = (unlike: string[], from = ['client']) =>
    planTarget({ address: '192.0.2.1' }, [{ id: 'pair', from, unlike: { from: unlike }, resolved }], vantages)

  test('makes one check for each vantage of `from`, which names every origin of the other side', () => {
    expect(plan(['untrusted'])).toMatchObject([
      { kind: 'probe', origin: { vantage: 'hq' }, unlike: [{ vantage: 'cafe' }, { vantage: 'dmz' }] },
    ])
  })

  test('names a zone without a vantage, so that the pair is known to be incomplete', () => {
    expect(plan(['untrusted', 'mars'])).toMatchObject([
      { unlike: [{ covered: true }, { covered: true }, { vantage: 'zone:mars', covered: false }] },
    ])
    expect(plan(['untrusted'], ['mars'])).toMatchObject([
      { kind: 'settled', origin: { vantage: 'zone:mars' }, result: 'unknown', reason: 'pair-incomplete' },
    ])
  })
})
