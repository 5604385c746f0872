-- Processes that keep keys in memory hear of each that changes, whoever changes it; of all of them where no id is told. The time of
-- the last use is no change.
CREATE FUNCTION tell_key_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('portwarden_key', CASE WHEN TG_LEVEL = 'ROW' THEN OLD.id ELSE '' END);
  RETURN NULL;
END
$$;

CREATE TRIGGER "api_key_changed" AFTER UPDATE OF "id", "secret_sha256", "scopes", "realm", "expires_at", "revoked_at" OR DELETE ON "api_key"
  FOR EACH ROW EXECUTE FUNCTION tell_key_change();
CREATE TRIGGER "api_key_truncated" AFTER TRUNCATE ON "api_key" FOR EACH STATEMENT EXECUTE FUNCTION tell_key_change();

-- ALWAYS: also for whoever calls himself a replica.
ALTER TABLE "api_key" ENABLE ALWAYS TRIGGER "api_key_changed";
ALTER TABLE "api_key" ENABLE ALWAYS TRIGGER "api_key_truncated";
