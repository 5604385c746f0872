import { exitStatus, sayBody } from '../command.ts'
import { withService } from '../connection/api.ts'
import type { FirewallOptions } from './firewall-options.ts'

/** Prints the changes that the firewalls between an origin and a target need. */
export const firewall = (
  name: string,
  { server, source = [], resolve = [], ...single }: FirewallOptions,
): Promise<number> =>
  withService({ ...(server && { server }) }, { probe: false }, async (service) => {
    const query = new URLSearchParams({ ...single })
    for (const network of source) query.append('source', network)
    for (const pair of resolve) query.append('resolve', pair)
    await sayBody(await service.call(`/v1/policies/${encodeURIComponent(name)}/firewall?${query}`))
    return exitStatus.pass
  })
