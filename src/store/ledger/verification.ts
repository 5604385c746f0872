/** What is wrong with the first broken entry. */
export const ledgerIssueKinds = ['changed', 'forged', 'missing', 'order', 'cut', 'findings', 'audit', 'policy'] as const
type LedgerIssueKind = (typeof ledgerIssueKinds)[number]

/** `unverified`: nothing is wrong, and not all could be checked for want of a key. */
export const ledgerVerdicts = ['intact', 'unverified', 'broken'] as const

export interface Verification {
  verdict: (typeof ledgerVerdicts)[number]
  /** How many entries were read. */
  entries: number
  broken: { seq: number; kind: LedgerIssueKind; message: string } | null
  /** Entries that were signed by keys which are not known here. */
  unverified: { keyId: string; entries: number; firstSeq: number }[]
  /** Of audits: how many have the findings of their entry, how many had theirs dropped by retention. */
  findings: { audits: number; dropped: number } | null
  /** Where to go on; null at the end of the ledger. */
  next: number | null
}

export const broken = (seq: number, kind: LedgerIssueKind, message: string) => ({ seq, kind, message })
