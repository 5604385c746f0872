import { readWanted, selectTargets } from '../audit/targets.ts'
import { exitStatus, say, UsageError } from '../command.ts'
import { withService } from '../connection/api.ts'

export interface ProposeOptions {
  /** Ports and ranges, separated by commas. */
  ports: string
  label?: string[]
  vantage?: string[]
  server?: URL
}

interface Proposal {
  id: string
  status: string
  source: string | null
  omitted: number
  vantages: { vantage: string; status: string; failure: string | null; open: number; undecided: Undecided[] }[]
}
interface Undecided {
  target: string
  reason: string
  ports: number
}

const wait = { headers: { prefer: 'wait=15' } }

/** Prints the proposed policy on standard output, and what is not known on standard error. */
export async function propose(hosts: readonly string[], options: ProposeOptions): Promise<number> {
  const { ports, label, vantage: vantages, server } = options
  const wanted = await readWanted({ hosts: [...hosts], ...(label && { label }) })
  return withService({ ...(server && { server }) }, { probe: true }, async (service) => {
    const targets = await selectTargets(service, wanted)
    const body = { targets, ports: ports.split(',').map((one) => one.trim()), ...(vantages && { vantages }) }
    let proposal = await service.json<Proposal>('/v1/policies/propose', { method: 'POST', body, ...wait })
    while (proposal.status === 'queued' || proposal.status === 'running')
      proposal = await service.json<Proposal>(`/v1/proposals/${proposal.id}`, wait)
    for (const line of remarksOn(proposal)) console.error(`portwarden: ${line}`)
    if (proposal.status === 'failed') return exitStatus.error
    if (proposal.source === null) throw new UsageError('none of these ports is open: name others with --ports')
    say(proposal.source.trimEnd())
    return exitStatus.pass
  })
}

function remarksOn({ vantages, omitted }: Proposal): string[] {
  return [
    ...vantages.flatMap(({ vantage, failure, open, undecided }) => [
      `${vantage}: ${failure ?? `${open} open`}`,
      ...undecided.map(
        ({ target, reason, ports }) => `${vantage}: nothing is known of ${ports} ports of ${target}: ${reason}`,
      ),
    ]),
    ...(omitted > 0 ? [`${omitted} flows have no room in the document: propose for fewer targets or ports`] : []),
  ]
}
