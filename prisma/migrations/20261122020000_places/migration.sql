-- AlterTable
ALTER TABLE "vantage" ADD COLUMN     "canary" TEXT NOT NULL DEFAULT 'unknown',
ADD COLUMN     "kind" TEXT NOT NULL DEFAULT 'worker',
ADD COLUMN     "version" TEXT;

-- AlterTable
ALTER TABLE "audit" ADD COLUMN     "deadline_at" TIMESTAMPTZ(3),
ADD COLUMN     "pairs" JSONB;

-- AlterTable
ALTER TABLE "batch" ADD COLUMN     "kept" JSONB;

-- AlterTable
ALTER TABLE "api_key" ADD COLUMN     "revoked_at" TIMESTAMPTZ(3);
