-- With observed_until in an index, each recording of an audit wrote its row into all indexes, and all its targets into one of them.
ALTER TABLE "audit" ADD COLUMN "observed_bound" TIMESTAMPTZ(3);
UPDATE "audit" SET "observed_bound" = "observed_until" WHERE "observed_until" IS NOT NULL;
DROP INDEX "audit_observed_until_idx";
CREATE INDEX "audit_observed_bound_idx" ON "audit"("observed_bound");
