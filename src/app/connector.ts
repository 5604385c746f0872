import type { Logger } from 'pino'
import type { Config } from '../config/index.ts'
import { affordableSockets } from '../probes/engine/descriptor-pressure.ts'
import type { Connector } from '../probes/network/connector/connector.ts'
import { openConnector } from '../probes/network/connector/open.ts'

/** Opens the connector of the process. */
export async function openProcessConnector(
  stack: AsyncDisposableStack,
  { connector: kind, sockets }: Config,
  log: Logger,
): Promise<Connector> {
  const connector = await openConnector({
    kind,
    attempts: affordableSockets(sockets),
    log: (reason) => log.warn({ reason }, 'connects with the sockets of Node: ICMP messages remain unknown'),
  })
  stack.defer(() => connector.close())
  return connector
}
