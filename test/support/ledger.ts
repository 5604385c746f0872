import { type LedgerKeys, parseLedgerKeys } from '../../src/domain/ledger.ts'

/** The key of the ledger of all tests, so that none of them makes one. */
export const ledgerKey = 'a key of the ledger for tests only'.replaceAll(' ', '-')
export const ledgerKeys = parseLedgerKeys(ledgerKey) as LedgerKeys
