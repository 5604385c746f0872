-- What a look at the door of a window has shown stays when its findings are gone.
ALTER TABLE "access_window" ADD COLUMN "proof" TEXT, ADD COLUMN "proven_at" TIMESTAMPTZ(3);

-- The targets that were seen inside a window are looked at after its end.
CREATE INDEX "finding_permission_window_id_idx" ON "finding_permission"("window_id");
