import type { Config, Listening } from '../config/index.ts'
import { createPoster } from '../operations/webhooks/delivery/http-client.ts'
import type { Connector } from '../probes/network/connector/connector.ts'
import { createOwnEndpoints, type OwnEndpoints, ownNamesEveryMs } from '../probes/network/denied-endpoints.ts'
import { type Gate, openGate } from '../probes/network/guarded-connect.ts'
import { systemLookup } from '../probes/network/resolve.ts'
import { databaseEndpoints } from '../store/db/database.ts'

export interface Egress {
  /** The endpoints of this service, which nothing may dial. */
  own: OwnEndpoints
  mayDial: Gate['mayDial']
  poster: ReturnType<typeof createPoster>
}

/** Opens the HTTP client of webhooks behind their egress policy, and keeps the endpoints of this service resolved. */
export async function openEgress(
  stack: AsyncDisposableStack,
  { listening, webhooks }: Config,
  { connector, databaseUrls }: { connector: Connector; databaseUrls: readonly string[] },
): Promise<Egress> {
  const own = await findOwnEndpoints(listening, databaseUrls)
  const timer = setInterval(() => void own.refresh(), ownNamesEveryMs).unref()
  stack.defer(() => clearInterval(timer))
  const gate = openGate({ ...webhooks, connector, never: own.list })
  const poster = createPoster({ ...webhooks, connect: gate.connect })
  stack.defer(poster.close)
  return { own, mayDial: gate.mayDial, poster }
}

async function findOwnEndpoints({ host, port }: Listening, databaseUrls: readonly string[]): Promise<OwnEndpoints> {
  const own = createOwnEndpoints(systemLookup)
  for (const database of databaseUrls.flatMap(databaseEndpoints)) await own.addHost(database.host, database.port)
  if (port !== 0) own.addListener({ address: host, port })
  return own
}
