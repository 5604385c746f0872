-- Runs of all schedules, and ledger entries, of a period.
CREATE INDEX schedule_run_due_at_idx ON schedule_run (due_at);
CREATE INDEX ledger_entry_at_idx ON ledger_entry (at);
