/** Limits of one caller; each process counts rates and what is under way for itself. */
export interface Limits {
  /** Per key. */
  requestsPerMinute: number
  /** Requests without a valid key, per address. */
  refusalsPerMinute: number
  /** Per key. */
  auditsPerMinute: number
  targetsPerAudit: number
  /** Per key, over all audits that have not ended. */
  checksInFlight: number
  /** Callbacks of one key that were not delivered yet. */
  callbacksWaiting: number
  /** Connections of one key, and so its requests under way. */
  connectionsPerKey: number
  /** Streamed responses of one key under way: events and exports. */
  streamsPerKey: number
  importsPerKey: number
  /** Of all keys. */
  imports: number
  /** What the imports of one key under way may spool. */
  spoolBytesPerKey: number
  /** Of all keys. */
  spoolBytes: number
}
