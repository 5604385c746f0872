-- When vantages were absent: from the last heartbeat before to the first one after. A vantage that is absent now has no row yet.
CREATE TABLE "vantage_absence" (
    "vantage_id" INTEGER NOT NULL REFERENCES "vantage"("id") ON DELETE RESTRICT ON UPDATE CASCADE,
    "from_at" TIMESTAMPTZ(3) NOT NULL,
    "to_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "vantage_absence_pkey" PRIMARY KEY ("vantage_id", "from_at")
);

CREATE INDEX "vantage_absence_from_at_idx" ON "vantage_absence"("from_at");
