/** What runs the checks of a vantage: a worker with database access, or an agent over HTTP. */
export const vantageKinds = ['worker', 'agent'] as const
export type VantageKind = (typeof vantageKinds)[number]

/** `none`: no canary configured; `unknown`: not probed yet. */
export const canaryStates = ['none', 'unknown', 'online', 'offline'] as const
export type CanaryState = (typeof canaryStates)[number]

/** Interval of a worker's heartbeat. */
export const heartbeatMs = 5_000
/** Longest poll of an agent; each poll is its heartbeat. */
export const maxLeaseWaitSeconds = 25

/** Three heartbeats of a worker; one poll of an agent plus time for a slow network. */
export const absentAfterMs: Readonly<Record<VantageKind, number>> = {
  worker: 3 * heartbeatMs,
  agent: maxLeaseWaitSeconds * 1000 + 3 * heartbeatMs,
}

/** Whether the last heartbeat of a vantage is too old. */
export const isAbsent = (vantage: { kind: VantageKind; lastSeenAt: Date | null }, now: Date): boolean =>
  vantage.lastSeenAt === null || now.getTime() - vantage.lastSeenAt.getTime() > absentAfterMs[vantage.kind]
