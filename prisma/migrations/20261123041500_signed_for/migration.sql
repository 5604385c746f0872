-- AlterTable
ALTER TABLE "webhook_delivery" ADD COLUMN     "signed_for" TEXT;
