import type { Database } from '../database.ts'
import { prepared } from '../statements.ts'

export interface ServerRoom {
  /** Such as 15.14. */
  version: string
  /** Bytes of the database on disk. */
  bytes: number
  /** Connections that a role without privileges may still open; the limits of the role and the database are among them. */
  freeConnections: number
}

/** What the server has, and has left. */
export async function readServerRoom(db: Database): Promise<ServerRoom> {
  const [room] = await prepared<ServerRoom>(db)`
    SELECT current_setting('server_version') AS version, pg_database_size(current_database())::float8 AS bytes,
      least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
          - coalesce(current_setting('reserved_connections', true)::int, 0) - open.all_of_server,
        nullif(d.datconnlimit, -1) - open.of_database,
        nullif(r.rolconnlimit, -1) - open.of_role
      )::int AS "freeConnections"
    FROM pg_database d, pg_roles r, (
      SELECT count(*) AS all_of_server, count(*) FILTER (WHERE datname = current_database()) AS of_database,
        count(*) FILTER (WHERE usename = current_user) AS of_role
      FROM pg_stat_activity WHERE backend_type = 'client backend'
    ) AS open
    WHERE d.datname = current_database() AND r.rolname = current_user`
  if (!room) throw new Error('the database returned no row')
  return room
}
