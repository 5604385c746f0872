import { readLabel } from '../audit/targets.ts'
import { exitStatus, say } from '../command.ts'
import { withService } from '../connection/api.ts'
import { renderTable } from '../table.ts'

export interface KeyOptions {
  json?: true
  server?: URL
}

export interface CreateOptions extends KeyOptions {
  scope: string[]
  label?: string[]
  expires?: string
}

interface Key {
  id: string
  name: string
  scopes: string[]
  lastUsedAt: string | null
  expiresAt: string | null
  revokedAt: string | null
}

/** Prints the key alone, so that a script can take it. */
export const create = (
  name: string,
  { scope: scopes, label = [], expires, ...options }: CreateOptions,
): Promise<number> =>
  withService(options, { probe: false }, async (service) => {
    const body = {
      name,
      scopes,
      ...(label.length > 0 && { targets: { labels: Object.fromEntries(label.map(readLabel)) } }),
      ...(expires !== undefined && { expiresAt: expires }),
    }
    say((await service.json<{ key: string }>('/v1/keys', { method: 'POST', body })).key)
    return exitStatus.pass
  })

export const list = (options: KeyOptions): Promise<number> =>
  withService(options, { probe: false }, async (service) => {
    const keys: Key[] = []
    for await (const key of service.items<Key>('/v1/keys')) keys.push(key)
    const rows = keys.map(({ id, name, scopes, lastUsedAt, expiresAt, revokedAt }) => [
      id,
      name,
      scopes.join(' '),
      lastUsedAt ?? 'never',
      revokedAt === null ? (expiresAt ?? 'never') : `revoked ${revokedAt}`,
    ])
    say(options.json ? JSON.stringify(keys, null, 2) : renderTable(['ID', 'NAME', 'SCOPES', 'LAST USED', 'ENDS'], rows))
    return exitStatus.pass
  })

export const revoke = (id: string, options: KeyOptions): Promise<number> =>
  withService(options, { probe: false }, async (service) => {
    await service.call(`/v1/keys/${encodeURIComponent(id)}`, { method: 'DELETE' })
    say(`revoked ${id}`)
    return exitStatus.pass
  })
