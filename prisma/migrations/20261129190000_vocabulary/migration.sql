-- Renames what the API and the code now name otherwise. Signed records keep their content.
ALTER TABLE "api_key" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "audit" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "baseline" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "schedule" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "schedule_run" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "access_window" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "waiver" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "vantage" RENAME COLUMN "absent_told_at" TO "absent_notified_at";
ALTER FUNCTION tell_key_change() RENAME TO notify_key_change;

UPDATE "access_window" SET "proof" = 'closed' WHERE "proof" = 'shut';

-- Observations of paired rules that wait for the end of their audit.
UPDATE "batch" SET "kept" = (
  SELECT jsonb_agg(one || jsonb_build_object('seen', (one -> 'seen') - 'sightings' || jsonb_build_object('addressResults', one -> 'seen' -> 'sightings')))
  FROM jsonb_array_elements("kept") AS one
) WHERE jsonb_typeof("kept") = 'array' AND jsonb_array_length("kept") > 0;
