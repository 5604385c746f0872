import type { Connector } from './connector.ts'
import { createNodeConnector } from './node.ts'
import { openSystemConnector } from './system/connector.ts'

/** `auto`: system calls where the platform has them, otherwise the sockets of Node. */
export type ConnectorKind = 'auto' | 'node'

interface ConnectorSettings {
  kind: ConnectorKind
  /** The limit of concurrent attempts; further ones wait. */
  attempts: number
  /** Receives why system calls are not used, although they are wanted. */
  log: (reason: string) => void
}

/** Opens the connector of a process, which closes it at its end. */
export async function openConnector({ kind, attempts, log }: ConnectorSettings): Promise<Connector> {
  const fallback = createNodeConnector()
  if (kind === 'node') return fallback
  try {
    return await openSystemConnector({ attempts, fallback, log })
  } catch (error) {
    log(error instanceof Error ? error.message : String(error))
    return fallback
  }
}
