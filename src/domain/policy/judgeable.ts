import { type TObject, Type } from 'typebox'
import { states } from '../findings/state.ts'
import { findProtocol } from '../protocols/index.ts'
import { Expectation, type ResolvedExpectation, type ResolvedRule, Rule } from './policy.ts'
import { conflictingOptions } from './probe-options.ts'
import { checkPlainLeaf, checkShape, closedObject, type Leaf, type LeafCheck } from './shape.ts'

const anything = Type.Optional(Type.Unknown())
const { probe, families, transport, when: _, ...others } = Rule.properties
const RuleAround = closedObject({
  ...Object.fromEntries([...Object.keys(others), 'companions'].map((name) => [name, anything])),
  ...{ probe, families, transport },
  insideWindow: Type.Optional(closedObject({ expect: anything })),
  unlike: Type.Optional(closedObject({ from: anything, expect: anything })),
})

/**
 * Whether this version can judge a resolved rule on one of its expectations: it knows every field and every named value that
 * the result depends on. A newer version may have stored others.
 */
export const isJudgeable = (rule: ResolvedRule, expect: ResolvedExpectation): boolean =>
  isKnown(RuleAround, rule) && isKnown(Expectation, expect) && takesGroups(rule, expect)

/** Whether this version can judge a resolved rule on all of its expectations, by one observation. */
export const isSupported = (rule: ResolvedRule): boolean =>
  conflictingOptions(rule.probe, rule.expect, rule.insideWindow?.expect ?? {}).length === 0 &&
  [rule.expect, rule.insideWindow?.expect, rule.unlike?.expect].every(
    (expect) => expect === undefined || isJudgeable(rule, expect),
  )

/** Rules are judged many times, and checked once. */
const known = new WeakMap<object, boolean>()

function isKnown(schema: TObject, value: object): boolean {
  const found = known.get(value) ?? checkShape(schema, value, checkMeaning).length === 0
  known.set(value, found)
  return found
}

/** The form of a text, such as a fingerprint, decides only what it is compared with. States that prove nothing never pass. */
const checkMeaning: LeafCheck = (leaf) =>
  (leaf.shape.pattern !== undefined && typeof leaf.value === 'string') || isState(leaf) ? [] : checkPlainLeaf(leaf)

const isState = ({ path, value }: Leaf) => path[0] === 'state' && states.some((state) => state === value)

function takesGroups(
  { probe }: ResolvedRule,
  { state: _, hostAnswered: __, onlyOpen: ___, ...demands }: ResolvedExpectation,
) {
  const groups = Object.entries(demands).filter(([, demand]) => demand !== undefined)
  return groups.every(([group]) => Object.hasOwn(findProtocol(probe)?.expects ?? {}, group))
}
