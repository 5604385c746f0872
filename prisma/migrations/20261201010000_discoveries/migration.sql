-- What vantages find open, from which policies are proposed; also the queue of the vantages that probe.
CREATE TABLE "discovery" (
    "id" UUID NOT NULL,
    "vantage" TEXT NOT NULL,
    "zones" TEXT[],
    "targets" JSONB NOT NULL,
    "ports" TEXT[],
    "requested_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deadline_at" TIMESTAMPTZ(3) NOT NULL,
    "taken_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "failure" TEXT,
    "result" JSONB,
    "target_scope" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "discovery_pkey" PRIMARY KEY ("id","vantage")
);

CREATE INDEX "discovery_vantage_finished_at_idx" ON "discovery"("vantage", "finished_at");
CREATE INDEX "discovery_requested_by_finished_at_idx" ON "discovery"("requested_by", "finished_at");
