import type { Probe } from '../engine/probe.ts'

/** Connects once and closes with FIN. */
export const probeTcp: Probe<'tcp'> = (endpoint, _options, io) => io.reach(endpoint)
