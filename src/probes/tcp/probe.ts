import type { Probe } from '../engine/probe.ts'

/** Connects once and closes with FIN. */
export const probeTcp: Probe<'tcp'> = async (endpoint, _options, io) => ({ ...(await io.reach(endpoint)), facts: {} })
