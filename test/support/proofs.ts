import { once } from 'node:events'
import pg from 'pg'
import type { StoredWindow } from '../../src/store/exceptions/windows.ts'
import type { TestApp } from './app.ts'

/** Hears of every proof about the door of a window, from whatever process: a trigger of the database tells it. */
export async function listenForProofs({ url, stores }: Pick<TestApp, 'url' | 'stores'>) {
  const client = new pg.Client(url)
  await client.connect()
  await client.query(`LISTEN proven;
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY proven; RETURN NULL; END $$;
    CREATE TRIGGER proven AFTER UPDATE OF proven_at ON access_window EXECUTE FUNCTION tell()`)
  return {
    /** The window when so many looks at its door have ended and shown something. */
    async proven(id: string, looks = 1): Promise<StoredWindow> {
      for (;;) {
        const told = once(client, 'notification')
        const window = await stores.windows.find(id)
        const audit = await stores.audits.find(window?.reprobeAuditId ?? id)
        if (window && window.reprobes >= looks && audit && audit.finishedAt === window.provenAt?.toISOString())
          return window
        await told
      }
    },
    stop: () => client.end(),
  }
}
