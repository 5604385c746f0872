-- CreateTable
CREATE TABLE "ledger_entry" (
    "seq" BIGINT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "payload" JSONB NOT NULL,
    "key_id" TEXT NOT NULL,
    "prev" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "mac" TEXT NOT NULL,

    CONSTRAINT "ledger_entry_pkey" PRIMARY KEY ("seq")
);

-- CreateIndex
CREATE INDEX "ledger_entry_action_seq_idx" ON "ledger_entry"("action", "seq");

-- CreateIndex
CREATE INDEX "ledger_entry_subject_seq_idx" ON "ledger_entry"("subject", "seq");

-- Locks the end of the chain until the transaction ends, and answers it; no row while there is none. A function, because
-- each of its statements sees what was committed before it began: whoever waited sees the entry that was waited for.
CREATE FUNCTION lock_ledger_head() RETURNS TABLE (seq bigint, hash text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('ledger_entry'));
  RETURN QUERY SELECT e.seq, e.hash FROM ledger_entry e ORDER BY e.seq DESC LIMIT 1;
END
$$;

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: % is refused', TG_OP;
END
$$;

-- ALWAYS: also for whoever calls himself a replica.
CREATE TRIGGER "ledger_entry_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "ledger_entry"
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
ALTER TABLE "ledger_entry" ENABLE ALWAYS TRIGGER "ledger_entry_append_only";
