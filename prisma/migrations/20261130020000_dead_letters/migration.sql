-- Dead letters are few; those that clear an alert are sent again when their receiver works again.
CREATE INDEX "webhook_delivery_dead" ON "webhook_delivery"("webhook_id") WHERE status = 'dead';
