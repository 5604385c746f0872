/** Who makes the looks of a vantage: a process with the database, or an agent that reaches the service over HTTP. */
export const vantageKinds = ['worker', 'agent'] as const
export type VantageKind = (typeof vantageKinds)[number]

/** What the canary endpoints of a vantage said last; `none`: it names none, `unknown`: nobody has looked yet. */
export const canaryStates = ['none', 'unknown', 'online', 'offline'] as const
export type CanaryState = (typeof canaryStates)[number]

/** How often a worker says that it is there. */
export const heartbeatMs = 5_000
/** How long a server keeps an agent that asks for work waiting; asking is how an agent says that it is there. */
export const maxLeaseWaitSeconds = 25

/** Unseen for longer, a vantage is absent: three heartbeats of a worker, or a poll of an agent with time for a slow network. */
export const absentAfterMs: Readonly<Record<VantageKind, number>> = {
  worker: 3 * heartbeatMs,
  agent: maxLeaseWaitSeconds * 1000 + 3 * heartbeatMs,
}

/** Whether a vantage has not been seen for longer than its heartbeat allows. */
export const isAbsent = (vantage: { kind: VantageKind; lastSeenAt: Date | null }, now: Date): boolean =>
  vantage.lastSeenAt === null || now.getTime() - vantage.lastSeenAt.getTime() > absentAfterMs[vantage.kind]
