/** Limits of one caller; each process counts rates for itself. */
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
}
