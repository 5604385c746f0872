import { createHash } from 'node:crypto'
import { type Finding, findingFlags } from '../../domain/findings/finding.ts'
import { results } from '../../domain/findings/judge.ts'
import { states } from '../../domain/findings/state.ts'

/**
 * The digest over findings that the ledger has of an audit, from the findings as a pack has them. It is what the database
 * makes of its rows (see digestFindings): SHA-256 over the SHA-256 of each finding's text as `jsonb`.
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
    ...[secondsOf(observedAt), latencyMs ?? -1, attempts, results.indexOf(result), states.indexOf(state)],
    ...[jsonb(reason.code), flagsOf(finding)],
    evidence === null ? 'null' : jsonb(createHash('sha256').update(jsonb(evidence)).digest('hex')),
    ...[jsonb(window), jsonb(waiver?.id ?? null)],
  ]
  return `[${members.join(', ')}]`
}

/** As PostgreSQL extracts it: seconds with six places. */
const secondsOf = (instant: string) => `${(Date.parse(instant) / 1000).toFixed(3)}000`

/** A value as PostgreSQL writes `jsonb`: the names of an object by their length in bytes, then by their bytes. */
function jsonb(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonb).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const named = Object.entries(value).map(([name, member]) => ({ name, bytes: Buffer.from(name), member }))
  named.sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes))
  return `{${named.map(({ name, member }) => `${JSON.stringify(name)}: ${jsonb(member)}`).join(', ')}}`
}
