import { once } from 'node:events'
import pg from 'pg'
import type { StoredWindow } from '../../src/store/exceptions/windows.ts'
import type { TestApp } from './app.ts'

/** Listens for window proofs of every process, by a trigger of the database. */
export async function listenForProofs({ url, stores }: Pick<TestApp, 'url' | 'stores'>) {
  const client = new pg.Client(url)
  await client.connect()
  await client.query(`LISTEN proven;
    CREATE FUNCTION notify_proven() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY proven; RETURN NULL; END $$;
    CREATE TRIGGER proven AFTER UPDATE OF proven_at ON access_window EXECUTE FUNCTION notify_proven()`)
  return {
    /** The window once this many reprobes have ended. */
    async proven(id: string, reprobes = 1): Promise<StoredWindow> {
      for (;;) {
        const notified = once(client, 'notification')
        const window = await stores.windows.find(id)
        const audit = await stores.audits.find(window?.reprobeAuditId ?? id)
        if (window && window.reprobes >= reprobes && audit && audit.finishedAt === window.provenAt?.toISOString())
          return window
        await notified
      }
    },
    /** Starts the next reprobe of the window now; returns the pauses before it, in seconds. */
    async hurry(id: string): Promise<number[]> {
      const { rows } = await client.query<{ seconds: number }>(
        `WITH waiting AS (SELECT * FROM pgboss.job WHERE name = 'window-end' AND data->>'windowId' = $1 AND state = 'created')
         UPDATE pgboss.job j SET start_after = now() FROM waiting w WHERE j.name = w.name AND j.id = w.id
         RETURNING round(extract(epoch FROM w.start_after - w.created_on))::int AS seconds`,
        [id],
      )
      return rows.map(({ seconds }) => seconds)
    },
    stop: () => client.end(),
  }
}
