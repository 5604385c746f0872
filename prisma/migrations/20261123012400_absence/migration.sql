-- AlterTable
ALTER TABLE "vantage" ADD COLUMN     "absent_told_at" TIMESTAMPTZ(3);
