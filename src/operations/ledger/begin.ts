import type { View } from '../context.ts'

/** Writes the first entry; an empty ledger is never valid. */
export const beginLedger = ({ transaction }: Pick<View, 'transaction'>): Promise<void> =>
  transaction((tx) => tx.ledger.begin('system'))
