-- The text of a policy with its comments, who put it, and why. Null for versions from before, and for JSON.
ALTER TABLE "policy" ADD COLUMN "source" TEXT, ADD COLUMN "author" TEXT, ADD COLUMN "note" TEXT;
