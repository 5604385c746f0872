-- AlterTable
ALTER TABLE "audit" ADD COLUMN     "rules" TEXT[];

-- CreateTable
CREATE TABLE "schedule" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "cron" TEXT NOT NULL,
    "time_zone" TEXT NOT NULL,
    "audit" JSONB NOT NULL,
    "policy" TEXT NOT NULL,
    "jitter_seconds" INTEGER NOT NULL,
    "overlap" TEXT NOT NULL,
    "missed" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL,
    "requested_by" TEXT NOT NULL,
    "next_at" TIMESTAMPTZ(3),
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "schedule_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "schedule_run" (
    "schedule_id" INTEGER NOT NULL,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "schedule" TEXT NOT NULL,
    "policy" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "reason" TEXT,
    "audit_id" UUID,
    "decided_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "schedule_run_pkey" PRIMARY KEY ("schedule_id","due_at")
);

-- CreateTable
CREATE TABLE "access_window" (
    "id" UUID NOT NULL,
    "policy" TEXT NOT NULL,
    "rules" TEXT[],
    "target_names" TEXT[],
    "target_labels" JSONB,
    "params" JSONB NOT NULL,
    "from_at" TIMESTAMPTZ(3) NOT NULL,
    "to_at" TIMESTAMPTZ(3) NOT NULL,
    "ticket" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "requested_by" TEXT NOT NULL,
    "approved_by" TEXT,
    "approved_at" TIMESTAMPTZ(3),
    "canceled_by" TEXT,
    "canceled_at" TIMESTAMPTZ(3),
    "reprobes" INTEGER NOT NULL DEFAULT 0,
    "reprobe_audit_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "access_window_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "waiver" (
    "id" UUID NOT NULL,
    "policy" TEXT NOT NULL,
    "rules" TEXT[],
    "target_names" TEXT[],
    "target_labels" JSONB,
    "reason" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "requested_by" TEXT NOT NULL,
    "approved_by" TEXT,
    "approved_at" TIMESTAMPTZ(3),
    "revoked_by" TEXT,
    "revoked_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "waiver_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "finding_permission" (
    "audit_id" UUID NOT NULL,
    "target_id" INTEGER NOT NULL,
    "series_id" INTEGER NOT NULL,
    "window_id" UUID,
    "waiver_id" UUID,

    CONSTRAINT "finding_permission_pkey" PRIMARY KEY ("audit_id","target_id","series_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "schedule_name_key" ON "schedule"("name");

-- CreateIndex
CREATE INDEX "schedule_next_at_idx" ON "schedule"("next_at");

-- CreateIndex
CREATE INDEX "schedule_run_policy_due_at_idx" ON "schedule_run"("policy", "due_at");

-- CreateIndex
CREATE INDEX "access_window_policy_to_at_idx" ON "access_window"("policy", "to_at");

-- CreateIndex
CREATE INDEX "waiver_policy_expires_at_idx" ON "waiver"("policy", "expires_at");
