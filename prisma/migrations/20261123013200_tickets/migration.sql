-- AlterTable
ALTER TABLE "series" ADD COLUMN     "fingerprint" UUID NOT NULL DEFAULT gen_random_uuid();

-- CreateTable
CREATE TABLE "webhook_ticket" (
    "webhook_id" TEXT NOT NULL,
    "fingerprint" UUID NOT NULL,
    "opened_at" TIMESTAMPTZ(3) NOT NULL,
    "finding" JSONB NOT NULL,

    CONSTRAINT "webhook_ticket_pkey" PRIMARY KEY ("webhook_id","fingerprint")
);

-- CreateIndex
CREATE INDEX "series_fingerprint_idx" ON "series"("fingerprint");
