import type { LocalClocks } from '../db/clock.ts'
import { connectionOptions } from '../db/connection.ts'
import { roles } from '../db/embedded/postmaster.ts'
import { WatchedClient } from '../db/liveness/watched-client.ts'
import { migrate } from '../db/migrate.ts'

/** A clock that the database and this process share, and that can be set: for synthetic history. */
export interface MovedClock {
  /** For `followDatabaseClock`. */
  local: LocalClocks
  /** Sets the clock, which goes on from there. Nothing may run meanwhile. */
  moveTo(time: Date): Promise<void>
  /** Shows the time of the system again. The jumps of the clock do not count as absences of vantages. */
  settle(): Promise<void>
  close(): Promise<void>
}

/**
 * Moves the clock of a new embedded database, and migrates it. The functions of a schema that precedes `pg_catalog` in the search path
 * of every session replace `now()` and `clock_timestamp()`; `CURRENT_TIMESTAMP` cannot be replaced, so the defaults of columns are.
 */
export async function openMovedClock(url: string): Promise<MovedClock> {
  const admin = new URL(url)
  admin.username = roles.admin
  const client = new WatchedClient(connectionOptions(admin.href, 'portwarden moved clock'))
  await client.connect()
  await client.query(shownTime)
  await migrate(url)
  await client.query(defaults)
  let shiftMs = 0
  const shift = async (ms: number) => {
    await client.query('UPDATE moved_clock.shift SET by = make_interval(secs => $1::float8 / 1000)', [ms])
    shiftMs = ms
  }
  return {
    local: { wall: () => Date.now() + shiftMs, steady: () => performance.now() + shiftMs },
    moveTo: (time) => shift(time.getTime() - Date.now()),
    async settle() {
      await shift(0)
      await client.query('DELETE FROM public.vantage_absence')
    },
    close: () => client.end(),
  }
}

// A trigger at the login, because the service sets the search path when it connects.
const shownTime = `
  CREATE SCHEMA moved_clock;
  GRANT USAGE ON SCHEMA moved_clock TO PUBLIC;
  CREATE TABLE moved_clock.shift AS SELECT interval '0' AS by;
  GRANT SELECT ON moved_clock.shift TO PUBLIC;
  CREATE FUNCTION moved_clock.now() RETURNS timestamptz STABLE PARALLEL SAFE LANGUAGE sql
    AS 'SELECT pg_catalog.now() + by FROM moved_clock.shift';
  CREATE FUNCTION moved_clock.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
    AS 'SELECT pg_catalog.clock_timestamp() + by FROM moved_clock.shift';
  CREATE FUNCTION moved_clock.search() RETURNS event_trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM set_config('search_path', 'public, moved_clock, pg_catalog', false); END $$;
  CREATE EVENT TRIGGER moved_clock ON login EXECUTE FUNCTION moved_clock.search()`

const defaults = `
  DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT attrelid::regclass AS relation, attname AS name FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
      WHERE pg_get_expr(adbin, adrelid) = 'CURRENT_TIMESTAMP'
    LOOP
      EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT moved_clock.now()', one.relation, one.name);
    END LOOP;
  END $$`
