-- An alert is what a receiver knows of one finding, or of the findings of one target.
ALTER TABLE "webhook" ADD COLUMN     "group_by" TEXT,
ADD COLUMN     "open_after" INTEGER NOT NULL DEFAULT 1;

ALTER TABLE "webhook_ticket" ADD COLUMN     "failures" INTEGER NOT NULL DEFAULT 1,
ADD COLUMN     "series" UUID;
UPDATE "webhook_ticket" SET "series" = "fingerprint";
ALTER TABLE "webhook_ticket" ALTER COLUMN "series" SET NOT NULL;

CREATE TABLE "webhook_alert" (
    "webhook_id" TEXT NOT NULL,
    "series" UUID NOT NULL,
    "state" TEXT NOT NULL,
    "resolution" TEXT,
    "finding" JSONB NOT NULL,

    CONSTRAINT "webhook_alert_pkey" PRIMARY KEY ("webhook_id","series")
);
ALTER TABLE "webhook_alert" ADD CONSTRAINT "webhook_alert_webhook_id_fkey" FOREIGN KEY ("webhook_id") REFERENCES "webhook"("id") ON DELETE CASCADE ON UPDATE CASCADE;
INSERT INTO "webhook_alert" ("webhook_id", "series", "state", "finding") SELECT "webhook_id", "fingerprint", 'open', "finding" FROM "webhook_ticket";

CREATE INDEX "webhook_delivery_webhook_id_series_id_idx" ON "webhook_delivery"("webhook_id", "series", "id");
CREATE INDEX "webhook_delivery_webhook_id_lane_id_idx" ON "webhook_delivery"("webhook_id", "lane", "id");
