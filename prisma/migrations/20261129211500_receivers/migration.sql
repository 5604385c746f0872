-- Receivers of callbacks do not wait for each other.
ALTER TABLE "webhook_delivery" ADD COLUMN     "receiver" TEXT NOT NULL DEFAULT '';
UPDATE "webhook_delivery" SET "receiver" = "signed_for" || ' ' || split_part("url", '/', 3) WHERE "url" IS NOT NULL AND "signed_for" IS NOT NULL;

CREATE INDEX "webhook_delivery_waiting_receiver" ON "webhook_delivery"("webhook_id", "receiver", "next_at") WHERE status = 'waiting';
CREATE INDEX "webhook_delivery_waiting_key" ON "webhook_delivery"("signed_for") WHERE status = 'waiting' AND signed_for IS NOT NULL;
