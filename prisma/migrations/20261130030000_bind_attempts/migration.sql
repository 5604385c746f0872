-- What became of binds, so that no account is locked. Accounts and credentials are keyed digests.
CREATE TABLE "bind_attempt" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "accounts" TEXT[],
    "credential" TEXT NOT NULL,
    "audit_id" UUID NOT NULL,
    "vantage" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "port" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "leased_until" TIMESTAMPTZ(3) NOT NULL,
    "outcome" TEXT,
    "reason" TEXT,

    CONSTRAINT "bind_attempt_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "bind_attempt_accounts_idx" ON "bind_attempt" USING GIN ("accounts");
CREATE INDEX "bind_attempt_started_at_idx" ON "bind_attempt"("started_at");
