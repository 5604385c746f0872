import { stringify } from 'yaml'
import { compareVersions, type Difference, differencesText } from '../../domain/policy/differences.ts'
import type { PolicyDocument } from '../../domain/policy/policy.ts'
import {
  checkPolicyFile,
  findPolicy,
  isFile,
  putPolicyFile,
  readDraft,
  readPolicyFile,
  type StoredPolicy,
} from '../audit/policy.ts'
import { exitStatus, say } from '../command.ts'
import { type Service, withService } from '../connection/api.ts'
import { renderTable } from '../table.ts'

export interface PolicyOptions {
  json?: true
  server?: URL
}

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

export const list = (options: PolicyOptions): Promise<number> =>
  withPolicies(options, async (service) => {
    const stored: StoredPolicy[] = []
    for await (const policy of service.items<StoredPolicy>('/v1/policies')) stored.push(policy)
    const rows = stored.map(({ name, version, document }) => [name, String(version), document.title ?? ''])
    say(options.json ? JSON.stringify(stored, null, 2) : renderTable(['NAME', 'VERSION', 'TITLE'], rows))
    return exitStatus.pass
  })

export const show = (name: string, options: PolicyOptions): Promise<number> =>
  withPolicies(options, async (service) => {
    const { document } = await findPolicy(service, name)
    say((options.json ? JSON.stringify(document, null, 2) : stringify(document)).trimEnd())
    return exitStatus.pass
  })

export const put = (file: string, options: PolicyOptions): Promise<number> =>
  withPolicies(options, async (service) => {
    const { name, version } = await putPolicyFile(service, file)
    say(`${name} version ${version}`)
    return exitStatus.pass
  })

/** Opens a service only for what no file holds. */
export async function diff(before: string, after: string, options: PolicyOptions): Promise<number> {
  const compare = async (read: (text: string) => Promise<PolicyDocument>) => {
    const differences = compareVersions(await read(before), await read(after))
    say(options.json ? JSON.stringify(differences, null, 2) : describe(differences))
    return differences.length === 0 ? exitStatus.pass : exitStatus.fail
  }
  if (isFile(before) && isFile(after)) return compare(readDraft)
  return withPolicies(options, (service) =>
    compare(async (text) => (isFile(text) ? readDraft(text) : (await findPolicy(service, text)).document)),
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

/** Judges a draft against stored facts of all targets. */
export const test = (file: string, options: PolicyOptions): Promise<number> =>
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
