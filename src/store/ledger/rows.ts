import type { LedgerEntry } from '../../domain/ledger.ts'
import type { LedgerEntry as Row } from '../generated/client.ts'

/** An entry as the domain knows it. */
export const entryOf = ({ seq, at, ...row }: Row): LedgerEntry => ({
  ...row,
  seq: Number(seq),
  at: Number.isNaN(at.getTime()) ? 'infinity' : at.toISOString(), // an entry that was tampered with must not end the reading
})
