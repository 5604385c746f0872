/** What is wrong with the first broken entry. */
export const ledgerIssueKinds = ['changed', 'forged', 'missing', 'order', 'cut', 'findings', 'audit', 'policy'] as const
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
  /** Of audits: how many have the findings of their entry, how many had theirs dropped by retention. */
  findings: { audits: number; dropped: number } | null
  /** The next entry to check; null at the end. */
  next: number | null
}

export const broken = (seq: number, kind: LedgerIssueKind, message: string) => ({ seq, kind, message })
