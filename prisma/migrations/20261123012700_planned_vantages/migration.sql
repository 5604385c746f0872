-- The vantages as they were when an audit was planned: evidence says from which zones it was looked.
ALTER TABLE audit ADD COLUMN planned_vantages jsonb;
