import type pg from 'pg'
import { Prisma } from '../../generated/client.ts'

interface Schemas {
  schema: string
  queueSchema: string
}

/** `AccessWindow` is the table `access_window`. */
const tables = [
  '_prisma_migrations',
  ...Object.keys(Prisma.ModelName).map((model) => model.replace(/(?<=[a-z])[A-Z]/g, '_$&').toLowerCase()),
]

/** A missing schema is created, as its owner; in an existing one the service creates tables. */
const schemaGrants = `
  SELECT CASE WHEN n.oid IS NULL THEN format('CREATE SCHEMA %I AUTHORIZATION %I', given.name, current_user)
      ELSE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', given.name, current_user) END AS grant
  FROM unnest($1::text[]) AS given(name) LEFT JOIN pg_namespace n ON n.nspname = given.name
  WHERE CASE WHEN n.oid IS NULL THEN NOT has_database_privilege(current_database(), 'CREATE')
    ELSE NOT (has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')) END`

const ours = `c.relkind IN ('r', 'p') AND (n.nspname = $2 OR n.nspname = $1 AND
  (c.relname = ANY($3) OR c.relname ~ '^finding_\\d{4}_\\d{2}$'))`

/** Migrations and partitions need the owner of the tables. Membership of a superuser would be too much. */
const ownerGrants = `
  SELECT DISTINCT CASE WHEN o.rolsuper THEN format('ALTER TABLE %I.%I OWNER TO %I', n.nspname, c.relname, current_user)
    ELSE format('GRANT %I TO %I', o.rolname, current_user) END AS grant
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = c.relowner
  WHERE ${ours} AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1`

const tableGrants = `
  SELECT format('GRANT %s ON TABLE %I.%I TO %I', string_agg(p.name, ', ' ORDER BY p.name), n.nspname, c.relname, current_user) AS grant
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS p(name)
  WHERE ${ours} AND pg_has_role(c.relowner, 'USAGE') AND NOT has_table_privilege(c.oid, p.name)
  GROUP BY n.nspname, c.relname`

/** Where new tables go, unless it is the tablespace of the database. */
const tablespaceGrants = `
  SELECT format('GRANT CREATE ON TABLESPACE %I TO %I', spcname, current_user) AS grant
  FROM pg_tablespace
  WHERE spcname = current_setting('default_tablespace') AND NOT has_tablespace_privilege(oid, 'CREATE')
    AND oid <> (SELECT dattablespace FROM pg_database WHERE datname = current_database())`

/** The statements that give the role of the connection what it lacks. */
export async function findMissingGrants(client: pg.Client, { schema, queueSchema }: Schemas): Promise<string[]> {
  const read = async (text: string, values: unknown[]) =>
    (await client.query<{ grant: string }>(text, values)).rows.map(({ grant }) => grant)
  const known = [schema, queueSchema, tables]
  return [
    ...(await read(schemaGrants, [[schema, queueSchema]])),
    ...(await read(tablespaceGrants, [])),
    ...(await read(ownerGrants, known)),
    ...(await read(tableGrants, known)),
  ]
}
