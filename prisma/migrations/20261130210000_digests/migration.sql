-- The digests that were published, each with the period that it is about; the first row only begins the first period.
CREATE TABLE "digest" (
    "to_at" TIMESTAMPTZ(3) NOT NULL,
    "from_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "digest_pkey" PRIMARY KEY ("to_at")
);
