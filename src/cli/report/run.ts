import { exitStatus, sayBody, UsageError } from '../command.ts'
import { withService } from '../connection/api.ts'
import { type ReportOptions, reports } from './options.ts'

export async function run(name: string, { query = [], format, ...options }: ReportOptions): Promise<number> {
  const path = Object.entries(reports).find(([known]) => known === name)?.[1]
  if (path === undefined)
    throw new UsageError(`there is no report ${name}; there are ${Object.keys(reports).join(', ')}`)
  const parameters = new URLSearchParams(query.map(readPair))
  return withService(options, { probe: false }, async (service) => {
    const accept = { json: 'application/json', csv: 'text/csv', ndjson: 'application/x-ndjson' }[format]
    await sayBody(await service.call(`${path}?${parameters}`, { headers: { accept } }))
    return exitStatus.pass
  })
}

function readPair(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--query ${text}: write key=value`)
  return [text.slice(0, at), text.slice(at + 1)]
}
