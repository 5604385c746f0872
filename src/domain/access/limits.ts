/** How much one caller may ask for. Rates are counted by each process for itself. */
export interface Limits {
  /** Of one key. */
  requestsPerMinute: number
  /** Requests without a valid key, of one address. */
  refusalsPerMinute: number
  /** Of one key. */
  auditsPerMinute: number
  targetsPerAudit: number
  /** Of all audits of one key that have not ended. */
  checksInFlight: number
}
