-- When a row was written last, by the clock of the database: what reports read again since a moment.
ALTER TABLE target ADD COLUMN changed_at timestamptz(3) NOT NULL DEFAULT now();
ALTER TABLE audit ADD COLUMN changed_at timestamptz(3) NOT NULL DEFAULT now();
ALTER TABLE span ADD COLUMN changed_at timestamptz(3) NOT NULL DEFAULT now();
-- now() was the same for all rows that were there, which spares rewriting them.
ALTER TABLE target ALTER COLUMN changed_at SET DEFAULT clock_timestamp();
ALTER TABLE audit ALTER COLUMN changed_at SET DEFAULT clock_timestamp();
ALTER TABLE span ALTER COLUMN changed_at SET DEFAULT clock_timestamp();
CREATE INDEX audit_changed_at_idx ON audit (changed_at);
CREATE INDEX span_changed_at_idx ON span (changed_at);

CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at := clock_timestamp();
  RETURN NEW;
END $$;
CREATE TRIGGER target_changed BEFORE UPDATE ON target FOR EACH ROW EXECUTE FUNCTION note_change();
-- Not for its progress, which is written with every batch.
CREATE TRIGGER audit_changed BEFORE UPDATE ON audit FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION note_change();
