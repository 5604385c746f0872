import { readTargetFile } from '../audit/targets.ts'
import { exitStatus, say, sayBody } from '../command.ts'
import { withService } from '../connection/api.ts'
import { renderTable } from '../table.ts'

export interface ImportOptions {
  partial?: true
  keep?: true
  server?: URL
}

export interface ListOptions {
  label?: string[]
  format: 'table' | 'json' | 'csv' | 'ndjson'
  server?: URL
}

interface ImportOutcome {
  created: number
  updated: number
  unchanged: number
  refused: number
  errors: { line: number; pointer: string; detail: string }[]
  notes: { line: number; detail: string }[]
}

/** Imports a document as it is; the service says what it assumed, and which rows it refuses. */
export const importFile = (file: string, options: ImportOptions): Promise<number> =>
  withService(options, { probe: false }, async (service) => {
    const { text, type } = await readTargetFile(file)
    const query = new URLSearchParams({
      ...(options.partial && { partial: 'true' }),
      ...(options.keep && { existing: 'keep' }),
    })
    const outcome = await service.json<ImportOutcome>(`/v1/targets/import?${query}`, {
      method: 'POST',
      body: text,
      type,
    })
    const { created, updated, unchanged, refused, errors, notes } = outcome
    for (const { line, detail } of notes ?? []) console.error(`portwarden: line ${line}: ${detail}`)
    for (const { line, pointer, detail } of errors) console.error(`portwarden: line ${line}: ${pointer} ${detail}`)
    say(`${created} created, ${updated} updated, ${unchanged} unchanged, ${refused} refused`)
    return refused > 0 ? exitStatus.fail : exitStatus.pass
  })

interface Target {
  name: string
  address: string
  labels: Record<string, string>
}

export const list = ({ label = [], format, ...options }: ListOptions): Promise<number> =>
  withService(options, { probe: false }, async (service) => {
    const query = new URLSearchParams(label.map((one): [string, string] => ['label', one]))
    if (format !== 'table') {
      if (format === 'json') query.set('all', 'true')
      query.set('format', format)
      await sayBody(await service.call(`/v1/targets?${query}`))
      return exitStatus.pass
    }
    const rows: string[][] = []
    for await (const { name, address, labels } of service.items<Target>(`/v1/targets?${query}`))
      rows.push([
        name,
        address,
        Object.entries(labels)
          .map((pair) => pair.join('='))
          .join(' '),
      ])
    say(renderTable(['NAME', 'ADDRESS', 'LABELS'], rows))
    return exitStatus.pass
  })
