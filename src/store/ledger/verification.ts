/** What is wrong with the first broken entry. */
export const ledgerIssueKinds = [
  'changed',
  'forged',
  'missing',
  'order',
  'cut',
  'findings',
  'audit',
  'policy',
  'object',
  'span',
  'unproven',
] as const
type LedgerIssueKind = (typeof ledgerIssueKinds)[number]

/** `unverified`: nothing is wrong, but a key is missing. */
export const ledgerVerdicts = ['intact', 'unverified', 'broken'] as const

export interface Verification {
  verdict: (typeof ledgerVerdicts)[number]
  /** How many entries were read. */
  entries: number
  broken: { seq: number; kind: LedgerIssueKind; message: string } | null
  /** Entries with unknown keys. */
  unverified: { keyId: string; entries: number; firstSeq: number }[]
  /** Null where findings were not checked. */
  findings: {
    /** Audits that have the findings of their entry. */
    audits: number
    /** Audits whose findings were dropped by retention. */
    dropped: number
    /** Of both, those that an older version has ended: of their rows only what their entry spells out is compared. */
    older: number
    /** Objects and ended audits that were there before the ledger covered them, and are as they were then. */
    adopted: number
    /** Audits that hold what this service has not written, as their entry says. */
    unproven: number
    firstUnproven: string | null
  } | null
  /** The next entry to check; null at the end. */
  next: number | null
}

export const broken = (seq: number, kind: LedgerIssueKind, message: string) => ({ seq, kind, message })
