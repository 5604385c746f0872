-- Seals are HMACs by a key that is derived from the key of the ledger and never in the database.
ALTER TABLE "audit" ADD COLUMN "seal" TEXT;
ALTER TABLE "batch" ADD COLUMN "seal" TEXT;

-- CreateTable
CREATE TABLE "recording" (
    "id" BIGSERIAL NOT NULL,
    "audit_id" UUID NOT NULL,
    "target_ids" INTEGER[],
    "series_ids" INTEGER[],
    "seal" TEXT NOT NULL,

    CONSTRAINT "recording_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "recording_audit_id_idx" ON "recording"("audit_id");

-- CreateTable
CREATE TABLE "ledger_state" (
    "kind" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,
    "digest" TEXT NOT NULL,

    CONSTRAINT "ledger_state_pkey" PRIMARY KEY ("kind","subject","seq")
);

-- CreateIndex
CREATE INDEX "ledger_state_seq_idx" ON "ledger_state"("seq");

CREATE TRIGGER "ledger_state_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "ledger_state"
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
ALTER TABLE "ledger_state" ENABLE ALWAYS TRIGGER "ledger_state_append_only";
