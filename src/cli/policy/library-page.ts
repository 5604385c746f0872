import type { PolicyDocument } from '../../domain/policy/policy.ts'
import type { BuiltIn } from '../../policies/built-in.ts'

/** The page docs/policy-library.md, from the built-in policies. */
export function renderLibrary(policies: readonly BuiltIn[]): string {
  const rows = policies.map(
    ({ document: { name, rules, title } }) => `| [\`${name}\`](#${name}) | ${rules.length} | ${title} |`,
  )
  return `# Policy library

These policies are built in. A service stores each at its start, unless a stored version is the same. A release with a changed policy therefore adds a
version on top of yours: [extend](policies.md#extend-a-policy) a policy instead of changing it.
A policy that no audit and no schedule uses is in no report. \`portwarden policy list\` and \`portwarden policy show NAME\` work without a service.

Facts and figures carry their source; the wording is ours. Every port is a parameter. Each rule is tested on real servers that comply and that deviate.

| policy | rules | title |
|---|---|---|
${rows.join('\n')}

${policies.map(sectionOf).join('\n\n')}
`
}

function sectionOf({ document, source }: BuiltIn): string {
  const { name, title, source: sources, parameters = {}, rules } = document
  return `## ${name}

**${title}.** ${introductionOf(source)}

- Zones: ${zonesOf(document).map(code).join(', ')}
- Source: ${sources}

| parameter | type | default | meaning |
|---|---|---|---|
${Object.entries(parameters)
  .map(([parameter, { type, default: value, required, description = '' }]) => {
    const given = value === undefined ? (required ? 'required' : '') : code(String(value))
    return `| \`${parameter}\` | ${type} | ${given} | ${description.trim()} |`
  })
  .join('\n')}

| rule | severity | seen from | probe | what it demands | source and reason |
|---|---|---|---|---|---|
${rules.map(rowOf).join('\n')}`
}

const rowOf = ({ id, severity, from, probe, title, rationale = '' }: PolicyDocument['rules'][number]) =>
  `| \`${id}\` | ${severity} | ${from.join(', ')} | ${probe} | ${title} | ${rationale.trim()} |`

const code = (text: string) => `\`${text}\``

const zonesOf = ({ rules }: PolicyDocument) => [
  ...new Set(rules.flatMap(({ from, unlike }) => [...from, ...(unlike?.from ?? [])])),
]

/** The comment that a policy begins with. */
const introductionOf = (text: string): string =>
  (/^(?:#.*\n)+/.exec(text)?.[0] ?? '').replaceAll(/^# ?/gm, '').replaceAll('\n', ' ').trim()
