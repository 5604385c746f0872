import { isConnection, type Probe } from '../engine/probe.ts'

/** Connects once and closes with FIN. */
export const probeTcp: Probe<'tcp'> = async (endpoint, _options, io) => {
  const connection = await io.connect(endpoint)
  if (!isConnection(connection)) return { ...connection, facts: {} }
  connection.socket.destroy()
  return { state: 'open', reason: 'tcp-connected', facts: {} }
}
