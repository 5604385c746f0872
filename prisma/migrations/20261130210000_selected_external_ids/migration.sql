-- Windows and waivers select targets by external id, too.
ALTER TABLE "access_window" ADD COLUMN "target_external_ids" TEXT[] DEFAULT ARRAY[]::TEXT[];
ALTER TABLE "waiver" ADD COLUMN "target_external_ids" TEXT[] DEFAULT ARRAY[]::TEXT[];
