-- A removed vantage keeps its row, because its history names it. Processes of an older version still list it.
ALTER TABLE "vantage" ADD COLUMN "removed_at" TIMESTAMPTZ(3);
