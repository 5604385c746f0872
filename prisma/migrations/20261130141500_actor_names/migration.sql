-- The newest sign-in of a person has the name.
CREATE INDEX "ledger_entry_sign_in" ON "ledger_entry"("actor", "seq") WHERE action = 'session.start';
