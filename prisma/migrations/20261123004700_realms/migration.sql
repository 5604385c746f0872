-- Whose targets a key may know of, and of whose what was made is: labels; none for everything.
ALTER TABLE "api_key" ADD COLUMN "realm" JSONB NOT NULL DEFAULT '{}';
ALTER TABLE "audit" ADD COLUMN "realm" JSONB NOT NULL DEFAULT '{}';
ALTER TABLE "baseline" ADD COLUMN "realm" JSONB NOT NULL DEFAULT '{}';
ALTER TABLE "schedule" ADD COLUMN "realm" JSONB NOT NULL DEFAULT '{}';
ALTER TABLE "schedule_run" ADD COLUMN "realm" JSONB NOT NULL DEFAULT '{}';
ALTER TABLE "access_window" ADD COLUMN "realm" JSONB NOT NULL DEFAULT '{}';
ALTER TABLE "waiver" ADD COLUMN "realm" JSONB NOT NULL DEFAULT '{}';
