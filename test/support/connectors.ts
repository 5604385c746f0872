import { afterAll, beforeAll, onTestFinished } from 'vitest'
import type { Connector } from '../../src/probes/network/connector/connector.ts'
import { type ConnectorKind, openConnector } from '../../src/probes/network/connector/open.ts'

const settings = {
  attempts: 1_000,
  log(reason: string) {
    throw new Error(reason)
  },
}

/** A connector until the end of the test. */
export async function connectorForTest(kind: ConnectorKind = 'auto'): Promise<Connector> {
  const connector = await openConnector({ kind, ...settings })
  onTestFinished(() => connector.close())
  return connector
}

/** A connector for all tests of a file or group, which is open while they run. */
export function connectorForFile(kind: ConnectorKind = 'auto'): Connector {
  let opened: Connector | undefined
  const current = () => {
    if (!opened) throw new Error('the connector is open during tests only')
    return opened
  }
  beforeAll(async () => {
    opened = await openConnector({ kind, ...settings })
  })
  afterAll(() => opened?.close())
  return {
    get knowsIcmp() {
      return current().knowsIcmp
    },
    connect: (attempt, signal) => current().connect(attempt, signal),
    close: () => current().close(),
  }
}
