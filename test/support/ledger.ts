import { type LedgerKeys, parseLedgerKeys } from '../../src/domain/ledger.ts'

/** The ledger key of all tests, so that none creates one. */
export const ledgerKey = 'a key of the ledger for tests only'.replaceAll(' ', '-')
export const ledgerKeys = parseLedgerKeys(ledgerKey) as LedgerKeys
