import type { View } from '../context.ts'

/** Writes the first entry; an empty ledger is never valid. False where the process has another key than the newest entry. */
export const beginLedger = ({ transaction }: Pick<View, 'transaction'>): Promise<boolean> =>
  transaction((tx) => tx.ledger.begin('system'))
