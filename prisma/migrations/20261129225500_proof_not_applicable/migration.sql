-- The proof of a window whose rules no longer apply to any target; the ledger and events never contain it.
UPDATE "access_window" SET "proof" = 'not-applicable' WHERE "proof" = 'nothing-to-see';
