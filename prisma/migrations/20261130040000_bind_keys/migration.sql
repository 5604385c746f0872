-- Names the key of the digests: those of different keys cannot be compared. Earlier binds count as of another key.
ALTER TABLE "bind_attempt" ADD COLUMN "key" TEXT NOT NULL DEFAULT '';
ALTER TABLE "bind_attempt" ALTER COLUMN "key" DROP DEFAULT;
