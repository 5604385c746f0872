-- Renames what the API and the code now name otherwise. Signed records keep their content: the rows of "reason" and the
-- contents of "evidence" keep the codes that digests in the ledger were made of.
ALTER TABLE "api_key" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "audit" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "baseline" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "schedule" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "schedule_run" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "access_window" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "waiver" RENAME COLUMN "realm" TO "target_scope";
ALTER TABLE "vantage" RENAME COLUMN "absent_told_at" TO "absent_notified_at";
ALTER TABLE "batch" RENAME COLUMN "kept" TO "paired_observations";
ALTER FUNCTION tell_key_change() RENAME TO notify_key_change;

UPDATE "access_window" SET "proof" = 'closed' WHERE "proof" = 'shut';

-- Observations of paired rules that wait for the end of their audit.
UPDATE "batch" SET "paired_observations" = (
  SELECT jsonb_agg((paired - 'seen') || jsonb_build_object('observation',
    (paired -> 'seen') - 'sightings' || jsonb_build_object('addressResults', (
      SELECT jsonb_agg(address || jsonb_build_object('reason', coalesce(renamed.new, address ->> 'reason')) ORDER BY n)
      FROM jsonb_array_elements(paired -> 'seen' -> 'sightings') WITH ORDINALITY AS a(address, n) LEFT JOIN (VALUES
        ('no-answer', 'no-response'), ('answer-too-large', 'response-too-large'), ('http-answered', 'http-responded'),
        ('ldap-answered', 'ldap-responded'), ('http-not-answered', 'http-no-response'), ('ldap-not-answered', 'ldap-no-response')
      ) AS renamed(old, new) ON renamed.old = address ->> 'reason'))) ORDER BY position)
  FROM jsonb_array_elements("paired_observations") WITH ORDINALITY AS o(paired, position)
) WHERE jsonb_typeof("paired_observations") = 'array' AND jsonb_array_length("paired_observations") > 0;

-- The findings that receivers know as open.
UPDATE "webhook_ticket" SET "finding" = jsonb_set("finding", '{reason,code}', to_jsonb(renamed.new)) FROM (VALUES
  ('no-answer', 'no-response'), ('answer-too-large', 'response-too-large'), ('http-answered', 'http-responded'),
  ('ldap-answered', 'ldap-responded'), ('http-not-answered', 'http-no-response'), ('ldap-not-answered', 'ldap-no-response')
) AS renamed(old, new) WHERE "finding" #>> '{reason,code}' = renamed.old;
