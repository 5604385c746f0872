import { createHash } from 'node:crypto'
import { type Finding, findingFlags } from '../../domain/findings/finding.ts'
import { results } from '../../domain/findings/judge.ts'
import { states } from '../../domain/findings/state.ts'

/**
 * Recomputes the ledger's digest of an audit's findings from those of a pack, like digestFindings in the database:
 * SHA-256 over the SHA-256 of each finding as `jsonb` text.
 */
export function createFindingsDigest(policy: string) {
  const all = createHash('sha256')
  let count = 0
  return {
    add(finding: Finding): void {
      all.update(createHash('sha256').update(textOf(policy, finding)).digest())
      count += 1
    },
    end: () => ({ count, digest: all.digest('hex') }),
  }
}

const flagsOf = ({ indirect, late }: Finding) => (indirect ? findingFlags.indirect : 0) | (late ? findingFlags.late : 0)

function textOf(policy: string, finding: Finding): string {
  const { target, rule, vantage, observedAt, latencyMs, attempts, result, state, reason, evidence, window, waiver } =
    finding
  const members = [
    ...[target, policy, rule, vantage].map(jsonb),
    secondsOf(observedAt),
    latencyMs ?? -1,
    attempts,
    results.indexOf(result),
    states.indexOf(state),
    jsonb(reason.code),
    flagsOf(finding),
    evidence === null ? 'null' : jsonb(createHash('sha256').update(jsonb(evidence)).digest('hex')),
    jsonb(window),
    jsonb(waiver?.id ?? null),
  ]
  return `[${members.join(', ')}]`
}

/** PostgreSQL's `extract(epoch …)`: seconds with six decimals. */
const secondsOf = (instant: string) => `${(Date.parse(instant) / 1000).toFixed(3)}000`

/** PostgreSQL's `jsonb` text: keys ordered by byte length, then by bytes. */
function jsonb(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonb).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const named = Object.entries(value).map(([name, member]) => ({ name, bytes: Buffer.from(name), member }))
  named.sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes))
  return `{${named.map(({ name, member }) => `${JSON.stringify(name)}: ${jsonb(member)}`).join(', ')}}`
}
