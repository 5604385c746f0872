-- Measured paths, which are also the queue of the vantages that measure them.
CREATE TABLE "trace" (
    "id" UUID NOT NULL,
    "target" TEXT,
    "host" TEXT NOT NULL,
    "port" INTEGER NOT NULL,
    "compare" INTEGER[],
    "vantage" TEXT NOT NULL,
    "audit_id" UUID,
    "requested_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deadline_at" TIMESTAMPTZ(3) NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "failure" TEXT,
    "result" JSONB,
    "target_scope" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "trace_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "trace_audit_id_target_port_vantage_key" ON "trace"("audit_id", "target", "port", "vantage");
CREATE INDEX "trace_vantage_finished_at_idx" ON "trace"("vantage", "finished_at");
CREATE INDEX "trace_requested_by_finished_at_idx" ON "trace"("requested_by", "finished_at");
