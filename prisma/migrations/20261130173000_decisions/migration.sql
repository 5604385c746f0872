-- A rejection fills `canceled_at` or `revoked_at` too: processes of an older version must not approve what was rejected.
ALTER TABLE "access_window" ADD COLUMN "rejected" BOOLEAN NOT NULL DEFAULT false, ADD COLUMN "decision_reason" TEXT;
ALTER TABLE "waiver" ADD COLUMN "rejected" BOOLEAN NOT NULL DEFAULT false, ADD COLUMN "decision_reason" TEXT, ADD COLUMN "ticket" TEXT;
