-- What a caller has under way is counted with every audit that it asks for; few audits have not ended.
CREATE INDEX "audit_in_flight_idx" ON "audit"("requested_by") WHERE "finished_at" IS NULL;
