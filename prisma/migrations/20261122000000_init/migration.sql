-- CreateTable
CREATE TABLE "policy" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "digest" TEXT NOT NULL,
    "document" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "policy_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "rule" (
    "id" SERIAL NOT NULL,
    "policy" TEXT NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "rule_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "target" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "roles" TEXT[],
    "labels" JSONB NOT NULL,
    "params" JSONB NOT NULL,
    "external_id" TEXT,
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "retired_at" TIMESTAMPTZ(3),

    CONSTRAINT "target_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "vantage" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "zones" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3),

    CONSTRAINT "vantage_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "series" (
    "target_id" INTEGER NOT NULL,
    "id" SERIAL NOT NULL,
    "rule_id" INTEGER NOT NULL,
    "vantage_id" INTEGER NOT NULL,

    CONSTRAINT "series_pkey" PRIMARY KEY ("target_id","id")
);

-- CreateTable
CREATE TABLE "audit" (
    "id" UUID NOT NULL,
    "status" TEXT NOT NULL,
    "verdict" TEXT,
    "trigger" TEXT NOT NULL,
    "policy_id" INTEGER NOT NULL,
    "target_ids" INTEGER[],
    "vantages" TEXT[],
    "params" JSONB NOT NULL,
    "correlation_id" TEXT,
    "reason" TEXT,
    "callback_url" TEXT,
    "requested_by" TEXT NOT NULL,
    "counts" JSONB,
    "error" TEXT,
    "total" INTEGER NOT NULL DEFAULT 0,
    "done" INTEGER NOT NULL DEFAULT 0,
    "batches_left" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "cancel_requested_at" TIMESTAMPTZ(3),
    "observed_from" TIMESTAMPTZ(3),
    "observed_until" TIMESTAMPTZ(3),

    CONSTRAINT "audit_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "batch" (
    "id" SERIAL NOT NULL,
    "audit_id" UUID NOT NULL,
    "vantage_id" INTEGER NOT NULL,
    "checks" JSONB NOT NULL,
    "done_at" TIMESTAMPTZ(3),

    CONSTRAINT "batch_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "evidence" (
    "id" SERIAL NOT NULL,
    "digest" BYTEA NOT NULL,
    "content" JSONB NOT NULL,
    "unused_since" TIMESTAMPTZ(3),

    CONSTRAINT "evidence_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "reason" (
    "id" SMALLSERIAL NOT NULL,
    "code" TEXT NOT NULL,

    CONSTRAINT "reason_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "finding" (
    "audit_id" UUID NOT NULL,
    "observed_at" TIMESTAMPTZ(3) NOT NULL,
    "target_id" INTEGER NOT NULL,
    "series_id" INTEGER NOT NULL,
    "evidence_id" INTEGER NOT NULL,
    "latency_ms" SMALLINT NOT NULL,
    "attempts" SMALLINT NOT NULL,
    "result" SMALLINT NOT NULL,
    "state" SMALLINT NOT NULL,
    "reason_id" SMALLINT NOT NULL,
    "flags" SMALLINT NOT NULL,

    CONSTRAINT "finding_pkey" PRIMARY KEY ("audit_id","target_id","series_id")
) PARTITION BY RANGE ("audit_id");

-- CreateTable
CREATE TABLE "span" (
    "target_id" INTEGER NOT NULL,
    "series_id" INTEGER NOT NULL,
    "from_at" TIMESTAMPTZ(3) NOT NULL,
    "to_at" TIMESTAMPTZ(3),
    "evidence_id" INTEGER NOT NULL,
    "result" SMALLINT NOT NULL,
    "state" SMALLINT NOT NULL,
    "reason_id" SMALLINT NOT NULL,
    "audit_id" UUID NOT NULL,

    CONSTRAINT "span_pkey" PRIMARY KEY ("target_id","series_id","from_at")
);

-- CreateTable
CREATE TABLE "baseline" (
    "name" TEXT NOT NULL,
    "audit_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "baseline_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "baseline_state" (
    "baseline" TEXT NOT NULL,
    "target_id" INTEGER NOT NULL,
    "series_id" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "evidence_id" INTEGER NOT NULL,
    "result" SMALLINT NOT NULL,
    "state" SMALLINT NOT NULL,
    "reason_id" SMALLINT NOT NULL,
    "audit_id" UUID NOT NULL,

    CONSTRAINT "baseline_state_pkey" PRIMARY KEY ("baseline","target_id","series_id")
);

-- CreateTable
CREATE TABLE "baseline_approval" (
    "id" SERIAL NOT NULL,
    "baseline" TEXT NOT NULL,
    "approved_by" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "items" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "baseline_approval_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_key" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_sha256" BYTEA NOT NULL,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotent_request" (
    "api_key_id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "body_digest" TEXT NOT NULL,
    "resource" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotent_request_pkey" PRIMARY KEY ("api_key_id","key")
);

-- CreateIndex
CREATE UNIQUE INDEX "policy_name_version_key" ON "policy"("name", "version");

-- CreateIndex
CREATE UNIQUE INDEX "rule_policy_name_key" ON "rule"("policy", "name");

-- CreateIndex
CREATE UNIQUE INDEX "target_name_key" ON "target"("name");

-- CreateIndex
CREATE INDEX "target_external_id_idx" ON "target"("external_id");

-- CreateIndex
CREATE INDEX "target_labels_idx" ON "target" USING GIN ("labels" jsonb_path_ops);

-- CreateIndex
CREATE UNIQUE INDEX "vantage_name_key" ON "vantage"("name");

-- CreateIndex
CREATE UNIQUE INDEX "series_target_id_rule_id_vantage_id_key" ON "series"("target_id", "rule_id", "vantage_id");

-- CreateIndex
CREATE INDEX "audit_correlation_id_idx" ON "audit"("correlation_id");

-- CreateIndex
CREATE INDEX "batch_audit_id_idx" ON "batch"("audit_id");

-- CreateIndex
CREATE UNIQUE INDEX "evidence_digest_key" ON "evidence"("digest");

-- CreateIndex
CREATE UNIQUE INDEX "reason_code_key" ON "reason"("code");

-- CreateIndex
CREATE INDEX "span_from_at_idx" ON "span"("from_at");

-- CreateIndex
CREATE INDEX "baseline_approval_baseline_idx" ON "baseline_approval"("baseline");

-- A series has one open span at the most; it is also how the newest state is found.
CREATE UNIQUE INDEX "span_open_key" ON "span"("target_id", "series_id") WHERE "to_at" IS NULL;

-- The first UUIDv7 (RFC 9562 section 5.7) of a moment: its milliseconds, then zeros.
CREATE FUNCTION uuid_v7_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT rpad(lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- Makes sure that the findings of audits created in the month of `moment` (UTC) have their partition.
CREATE FUNCTION ensure_finding_partition(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  month timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
  name text := 'finding_' || to_char(month, 'YYYY_MM');
BEGIN
  IF to_regclass(format('%I.%I', current_schema(), name)) IS NOT NULL THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(hashtext('ensure_finding_partition'));
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF finding FOR VALUES FROM (%L) TO (%L)', name,
    uuid_v7_floor(month AT TIME ZONE 'UTC'), uuid_v7_floor((month + interval '1 month') AT TIME ZONE 'UTC'));
END
$$;

-- Drops the partitions of months that ended before `moment`; answers their names.
CREATE FUNCTION drop_finding_partitions_before(moment timestamptz) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  FOR name IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'finding'::regclass AND c.relname ~ '^finding_\d{4}_\d{2}$'
      AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= moment AT TIME ZONE 'UTC'
  LOOP
    EXECUTE format('DROP TABLE %I', name);
    RETURN NEXT name;
  END LOOP;
END
$$;
