import { ConflictError, NotFoundError, RefusedError, type ValidationIssue } from '../../domain/errors.ts'
import { type Discovery, type DiscoveryFailure, readPorts } from '../../domain/learning/discovery.ts'
import type { Notifications } from '../../store/db/listen.ts'
import type { Stores } from '../../store/db/stores.ts'
import type { TakenDiscovery } from '../../store/learning/discoveries.ts'
import { lend } from '../vantages/lend.ts'

interface DeskParts {
  stores: Pick<Stores, 'discoveries' | 'vantages'>
  waitForDiscovery: Notifications['waitForDiscovery']
}

export type DiscoveryDesk = ReturnType<typeof createDiscoveryDesk>

/** Lends discoveries to agents, which have no database. */
export function createDiscoveryDesk({ stores: { discoveries, vantages }, waitForDiscovery }: DeskParts) {
  const checkVantage = async (vantage: string) => {
    if ((await vantages.ids([vantage])).size === 0)
      throw new NotFoundError(`there is no vantage ${vantage}: PUT /v1/vantages/${vantage}`)
  }
  return {
    /** Lends a discovery; where none waits, up to `waitMs` later, or undefined. */
    async lease(
      vantage: string,
      request: { waitMs: number; signal: AbortSignal },
    ): Promise<TakenDiscovery | undefined> {
      await checkVantage(vantage)
      return lend(
        {
          take: async () => (await discoveries.take(vantage, 1))[0],
          handBack: ({ id }) => discoveries.handBack(vantage, id),
          wait: (ms, signal) => waitForDiscovery(vantage, ms, signal),
        },
        request,
      )
    },

    /** Stores what an agent found. Throws RefusedError for an invalid result, ConflictError where there is one already. */
    async deliver(vantage: string, id: string, outcome: Discovery | { failure: DiscoveryFailure }): Promise<void> {
      await checkVantage(vantage)
      const order = (await discoveries.find(id)).find((one) => one.vantage === vantage)
      if (order && 'open' in outcome) checkResult(order, outcome)
      if (!order || !(await discoveries.finish({ id, vantage }, outcome)))
        throw new ConflictError('the vantage has no such discovery that waits for its result')
    },
  }
}

/** Throws RefusedError for what was not to be probed, the first of it. */
function checkResult({ targets, ports }: TakenDiscovery, { open, undecided }: Discovery): void {
  const leased = new Set(readPorts(ports))
  const named = new Set<string>()
  for (const [index, { target, port }] of open.entries()) {
    const issues: ValidationIssue[] = []
    if (target >= targets.length)
      issues.push({ pointer: `/open/${index}/target`, message: 'must be the position of a target' })
    if (!leased.has(port)) issues.push({ pointer: `/open/${index}/port`, message: 'must be a port of the lease' })
    if (named.has(`${target} ${port}`)) issues.push({ pointer: `/open/${index}`, message: 'must be named once' })
    if (issues.length > 0) throw new RefusedError(issues)
    named.add(`${target} ${port}`)
  }
  const unknown = undecided.findIndex(({ target }) => target >= targets.length)
  if (unknown >= 0)
    throw new RefusedError([{ pointer: `/undecided/${unknown}/target`, message: 'must be the position of a target' }])
}
