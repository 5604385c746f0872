import { compareVersions, type Difference, differencesText } from '../../domain/policy/differences.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import { builtInPolicies } from '../../policies/built-in.ts'
import { type JudgedCase, judgeCases } from '../../policies/cases.ts'
import { writeYaml } from '../../policies/write.ts'
import {
  checkPolicyFile,
  findPolicy,
  isFile,
  issueLine,
  type PolicyText,
  putPolicyFile,
  readDraft,
  readPolicyFile,
  readPolicyText,
  type StoredPolicy,
  storedBase,
} from '../audit/policy.ts'
import { exitStatus, say, UsageError } from '../command.ts'
import { type Service, withService } from '../connection/api.ts'
import { renderTable } from '../table.ts'

export interface PolicyOptions {
  json?: true
  server?: URL
  /** In the database of the settings. */
  stored?: true
  resolved?: true
  /** A file. */
  cases?: string
}

const needsService = ({ server, stored }: PolicyOptions) => server !== undefined || stored === true

const withPolicies = <T>(options: PolicyOptions, work: (service: Service) => Promise<T>) =>
  withService(options, { probe: false }, work)

/** Checks documents without a service. */
export async function validate(files: readonly string[]): Promise<number> {
  let status: number = exitStatus.pass
  for (const file of files) {
    const checked = await checkPolicyFile(file)
    if ('errors' in checked) status = exitStatus.fail
    say('errors' in checked ? checked.errors.join('\n') : `${file}: valid`)
  }
  return status
}

export async function list(options: PolicyOptions): Promise<number> {
  if (!needsService(options)) return listBuiltIns(options)
  return withPolicies(options, async (service) => {
    const stored: StoredPolicy[] = []
    for await (const policy of service.items<StoredPolicy>('/v1/policies')) stored.push(policy)
    const rows = stored.map(({ name, version, document }) => [name, String(version), document.title ?? ''])
    say(options.json ? JSON.stringify(stored, null, 2) : renderTable(['NAME', 'VERSION', 'TITLE'], rows))
    return exitStatus.pass
  })
}

function listBuiltIns({ json }: PolicyOptions): number {
  const policies = builtInPolicies()
  const rows = policies.map(({ name, rules, title, source = '' }) => [name, String(rules.length), title, source])
  say(json ? JSON.stringify(policies, null, 2) : renderTable(['NAME', 'RULES', 'TITLE', 'SOURCE'], rows))
  return exitStatus.pass
}

export async function show(name: string, options: PolicyOptions): Promise<number> {
  const print = ({ document, source }: PolicyText) => {
    const text = options.resolved ? writeYaml(document) : source
    say((options.json ? JSON.stringify(document, null, 2) : text).trimEnd())
    return exitStatus.pass
  }
  if (!needsService(options)) return print(await readPolicyText(name))
  return withPolicies(options, async (service) => {
    const { document, source = writeYaml(document) } = await findPolicy(service, name)
    return print({ document, source })
  })
}

export const put = (file: string, options: PolicyOptions): Promise<number> =>
  withPolicies(options, async (service) => {
    const { name, version } = await putPolicyFile(service, file)
    say(`${name} version ${version}`)
    return exitStatus.pass
  })

export async function diff(before: string, after: string, options: PolicyOptions): Promise<number> {
  const compare = async (read: (text: string) => Promise<PolicyDocument>) => {
    const differences = compareVersions(await read(before), await read(after))
    say(options.json ? JSON.stringify(differences, null, 2) : describe(differences))
    return differences.length === 0 ? exitStatus.pass : exitStatus.fail
  }
  if (!needsService(options)) return compare(async (text) => (await readPolicyText(text)).document)
  return withPolicies(options, (service) =>
    compare(async (text) =>
      isFile(text) ? readDraft(text, storedBase(service)) : (await findPolicy(service, text)).document,
    ),
  )
}

function describe(differences: readonly Difference[]): string {
  const show = (value: unknown) => (value === undefined ? 'absent' : JSON.stringify(value))
  const lines = differences.flatMap(({ kind, name, change, fields }) => [
    `${kind} ${name}: ${change}`,
    ...(change === 'changed'
      ? fields.map(({ path, before, after }) => `  ${path}: ${show(before)} → ${show(after)}`)
      : []),
  ])
  return [...lines, differencesText(differences)].join('\n')
}

interface Preview {
  counts: { pass: number; fail: number; unknown: number; error: number }
  items: { target: string; rule: string; vantage: string; before: string | null; after: { result: string } | null }[]
}

/** Judges a policy on cases, or a draft on stored facts of all targets. */
export function test(policy: string, { cases, ...options }: PolicyOptions): Promise<number> {
  if (cases === undefined) return testOnFacts(policy, options)
  if (options.server) throw new UsageError('--cases are judged here: leave out --server')
  return testOnCases(policy, cases, options)
}

async function testOnCases(policy: string, file: string, { json }: PolicyOptions): Promise<number> {
  const { document } = await readPolicyText(policy)
  const judged = judgeCases(document, await readPolicyFile(file), new Date())
  if ('errors' in judged) throw new UsageError(judged.errors.map(issueLine(file)).join('\n  '))
  const failed = judged.filter(({ holds }) => !holds).length
  say(
    json
      ? JSON.stringify(judged, null, 2)
      : [...judged.map(describeCase), `${judged.length - failed} of ${judged.length} cases hold`].join('\n'),
  )
  return failed === 0 ? exitStatus.pass : exitStatus.fail
}

function describeCase({ given, seen, holds }: JudgedCase): string {
  const what = `${given.rule}: ${given.name ?? given.observed.state}`
  const of = ({ result, reason }: { result: string; reason?: string }) =>
    reason === undefined ? result : `${result} (${reason})`
  return holds ? `ok    ${what}: ${of(seen)}` : `FAIL  ${what}: expected ${of(given)}, is ${of(seen)}`
}

const testOnFacts = (file: string, options: PolicyOptions): Promise<number> =>
  withPolicies(options, async (service) => {
    const document = await readPolicyFile(file)
    const preview = await service.json<Preview>('/v1/policies/preview', {
      method: 'POST',
      body: { document, targets: { labels: {} } },
    })
    say(options.json ? JSON.stringify(preview, null, 2) : describePreview(preview))
    return preview.counts.fail > 0 ? exitStatus.fail : exitStatus.pass
  })

function describePreview({ counts, items }: Preview): string {
  const { pass, fail, unknown, error } = counts
  const rows = items.map(({ target, rule, vantage, before, after }) => [
    target,
    rule,
    vantage,
    before ?? '-',
    after?.result ?? '-',
  ])
  const table =
    rows.length === 0 ? 'No finding would change.' : renderTable(['TARGET', 'RULE', 'VANTAGE', 'BEFORE', 'AFTER'], rows)
  return `${table}\n\nwith the draft: ${pass} pass, ${fail} fail, ${unknown} unknown, ${error} error`
}
