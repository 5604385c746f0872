-- Findings are only ever added, audit by audit: room that an index page keeps for later rows would stay empty.
ALTER TABLE "finding" DROP CONSTRAINT "finding_pkey",
  ADD CONSTRAINT "finding_pkey" PRIMARY KEY ("audit_id", "target_id", "series_id") WITH (fillfactor = 100);
