-- Each recording looks for audits that may have seen the same later: few, among all that there are.
CREATE INDEX "audit_observed_until_idx" ON "audit"("observed_until");
