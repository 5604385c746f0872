-- A large audit is planned slice by slice. Audits that are under way have no slice left: they were planned in one transaction.
CREATE TABLE "plan_slice" (
    "audit_id" UUID NOT NULL,
    "position" INTEGER NOT NULL,
    "targets" TEXT NOT NULL,
    "seal" TEXT,

    CONSTRAINT "plan_slice_pkey" PRIMARY KEY ("audit_id","position")
);
ALTER TABLE "plan_slice" ADD CONSTRAINT "plan_slice_audit_id_fkey" FOREIGN KEY ("audit_id") REFERENCES "audit"("id") ON DELETE CASCADE ON UPDATE CASCADE;
