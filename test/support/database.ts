import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { json } from 'node:stream/consumers'
import { inject } from 'vitest'
import { type DatabaseServer, databaseUrl, query } from './database-server.ts'
import type { Announcement } from './global-setup.ts'

export interface TestDatabase {
  url: string
  /** Drops the database, even with open connections. */
  drop(): Promise<void>
}

/** A new database with all migrations and the tables of the queue. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = await findServer()
  return createFrom(server, server.template)
}

/** A new empty database. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  return createFrom(await findServer(), 'template0')
}

async function createFrom({ url, prefix, tablespace }: DatabaseServer, template: string): Promise<TestDatabase> {
  const name = `${prefix}${randomBytes(6).toString('hex')}`
  // Copying takes half the time of writing everything to the log as well.
  await query(url, [`CREATE DATABASE ${name} TEMPLATE ${template} TABLESPACE ${tablespace} STRATEGY FILE_COPY`])
  return {
    url: databaseUrl(url, name),
    drop: async () => {
      await query(url, [`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`])
    },
  }
}

let found: Promise<DatabaseServer> | undefined

function findServer(): Promise<DatabaseServer> {
  found ??= ask()
  return found
}

async function ask(): Promise<DatabaseServer> {
  const announcement = (await json(connect(inject('databaseServer')))) as Announcement
  if ('error' in announcement) throw new Error(`there is no database for the tests: ${announcement.error}`)
  return announcement
}
