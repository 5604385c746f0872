import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Audit } from '../../src/domain/audits.ts'
import type { Finding } from '../../src/domain/findings/finding.ts'
import { ledgerKey } from './ledger.ts'
import { asPeer, type Peer } from './peers/peer.ts'
import { databaseSettings } from './pooler.ts'
import { type Output, type PeerProcess, run, spawnPeer } from './processes.ts'
import { makeTempDir } from './temp-dir.ts'

const root = resolve(import.meta.dirname, '../..')
/** A command of the program, as arguments of Node. */
export const portwarden = (name: string) => [join(root, 'src/main.ts'), name] as const
export const auditCommand = [process.execPath, ...portwarden('audit')] as const

/** The environment of the commands, without the settings of the test runner. */
export function environment(databaseUrl: string, env: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, ...databaseSettings(databaseUrl), PORTWARDEN_LEDGER_KEY: ledgerKey, ...env }
}

interface AuditOutcome {
  audit: Audit
  findings: Finding[]
}

/** Runs `npm run audit -- … --json` and parses its output. */
export async function runAudit(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<Output & AuditOutcome> {
  const [node, ...program] = auditCommand
  return readOutcome(await run(node, [...program, ...argv, '--json'], { env }))
}

export function readOutcome(output: Output): Output & AuditOutcome {
  if (!output.stdout.startsWith('{')) throw new Error(`the audit ended with ${output.code}: ${output.stderr}`)
  return { ...output, ...(JSON.parse(output.stdout) as AuditOutcome) }
}

export interface Service extends Peer {
  url: string
  /** The admin key and its file. */
  key: string
  keyFile: string
  pid: number
  exited: PeerProcess['exited']
  /** Calls the API with the admin key. */
  call: (path: string, init?: RequestInit) => Promise<Response>
  log: PeerProcess['log']
  logged: PeerProcess['logged']
}

/** The whole service as a process on a free port of 127.0.0.1. */
export async function startServiceProcess(
  databaseUrl: string,
  env: Record<string, string> = {},
  role: 'all' | 'api' = 'all',
): Promise<Service> {
  const directory = await makeTempDir('service')
  const dataDir = env.PORTWARDEN_DATA_DIR ?? directory.path
  try {
    const service = await spawnPeer(process.execPath, [...portwarden('serve'), '--role', role], {
      env: environment(databaseUrl, { PORT: '0', ...env, PORTWARDEN_DATA_DIR: dataDir }),
      ready: /^Portwarden .* at http.*\n/m,
    })
    const [, url = ''] = await service.logged(/^Portwarden \S+ at (https?:\/\/\S+)/m)
    const keyFile = join(dataDir, 'admin.key')
    const key = (await readFile(keyFile, 'utf8')).trim()
    const call = (path: string, { headers, ...init }: RequestInit = {}) =>
      fetch(url + path, { ...init, headers: { authorization: `Bearer ${key}`, ...headers } })
    const { pid, exited, log, logged } = service
    return asPeer({ url, key, keyFile, pid, exited, call, log, logged }, service.end, directory.remove)
  } catch (error) {
    await directory.remove()
    throw error
  }
}

/** A unique text, for secrets and marks in captures. */
export const unique = (name: string) => `${name}-${randomBytes(12).toString('hex')}`
