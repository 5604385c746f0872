import type { ResolvedExpectation, ResolvedRule } from '../../domain/policy/policy.ts'
import {
  findProtocol,
  type GroupName,
  type OptionsByProtocol,
  type ProtocolName,
} from '../../domain/protocols/index.ts'
import type { AnyProtocol } from '../../domain/protocols/protocol.ts'

/** What a probe must examine beyond the least, so that the rule can be judged inside a window and outside. */
export function optionsOf({ probe, expect, insideWindow }: ResolvedRule): OptionsByProtocol[ProtocolName] {
  const protocol = findProtocol(probe)
  if (!protocol) return {} // the judge reports it
  const demands = insideWindow ? merge(protocol, expect, insideWindow.expect) : expect
  return protocol.optionsFor(demands as never)
}

/** Demands that need every option of both; where they contradict each other, the one outside a window decides. */
function merge(
  { expects }: AnyProtocol,
  outside: ResolvedExpectation,
  inside: ResolvedExpectation,
): ResolvedExpectation {
  const groups = Object.entries(expects).map(([name, group]) => {
    const [one, other] = [outside, inside].map((expect) => expect[name as GroupName])
    const merged = one && other && group.merge ? group.merge(one as never, other as never) : { ...other, ...one }
    return [name, merged]
  })
  return Object.fromEntries(groups)
}
