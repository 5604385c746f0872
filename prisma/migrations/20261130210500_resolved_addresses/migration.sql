-- Finds the evidence of a host name by an address that it resolved to; evidence of addresses themselves is not in it.
CREATE INDEX "evidence_resolved_idx" ON "evidence"
    USING GIN (jsonb_path_query_array("content", '$.addresses.keyvalue().key'))
    WHERE NOT ("content"->'addresses' ? ("content"->>'host'));
