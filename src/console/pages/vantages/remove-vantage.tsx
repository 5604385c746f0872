import { useRef, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Key as KeySchema } from '../../../api/routes/keys/schemas.ts'
import type { Vantage as VantageSchema } from '../../../api/routes/vantages/schemas.ts'
import { send } from '../../api/client.ts'
import { ProblemError } from '../../api/problem.ts'
import { useResource } from '../../api/resource.ts'
import { ConfirmButton } from '../../parts/controls/confirm-button.tsx'
import { ResourceView } from '../../parts/resource-view.tsx'
import { Time } from '../../parts/time.tsx'
import { apiPath, uri } from '../../url/parameters.ts'

type Vantage = Static<typeof VantageSchema>
type Key = Static<typeof KeySchema>

/** Removes a vantage after a confirmation, and revokes the keys of its agent if the person wants it. */
export function RemoveVantage({
  vantage: { name, kind, absent },
  onRemove,
}: {
  vantage: Vantage
  onRemove: () => void
}) {
  const [kept, setKept] = useState<readonly string[]>([])
  const keys = useRef<readonly Key[] | undefined>(undefined)
  const isRemoved = useRef(false)
  const served = kind === 'worker' && !absent ? 'A worker serves it: its configuration names it' : undefined
  const remove = async () => {
    if (!keys.current) throw new ProblemError({ status: 0, title: 'The keys of its agent are not loaded yet' })
    if (!isRemoved.current) await send('DELETE', uri`/v1/vantages/${name}`)
    isRemoved.current = true // the keys may need another sign-in
    const reason = `The vantage ${name} was removed`
    for (const { id } of keys.current)
      if (!kept.includes(id)) await send('DELETE', apiPath(uri`/v1/keys/${id}`, { reason }))
    onRemove()
  }
  return (
    <ConfirmButton
      label="Remove"
      isQuiet
      title={`Remove the vantage ${name}?`}
      confirm="Remove the vantage"
      disabledReason={served}
      action={remove}
    >
      <p>
        Nothing is probed from it any more. Its findings and its history stay. Checks that wait for it are not checked,
        and say so.
      </p>
      <AgentKeys vantage={name} kept={kept} onChange={setKept} onLoad={(found) => (keys.current = found)} />
    </ConfirmButton>
  )
}

/** The valid keys of the agents of a vantage, each to be revoked unless the person keeps it. */
function AgentKeys({
  vantage,
  kept,
  onChange,
  onLoad,
}: {
  vantage: string
  kept: readonly string[]
  onChange(kept: readonly string[]): void
  onLoad(keys: readonly Key[]): void
}) {
  const keys = useResource<{ items: Key[] }>('/v1/keys?limit=1000')
  return (
    <ResourceView of={keys}>
      {({ items }) => {
        const own = items.filter(({ scopes, revokedAt }) => !revokedAt && isOnlyOf(vantage, scopes))
        onLoad(own)
        if (own.length === 0) return <p>No key is for its agent alone.</p>
        return (
          <fieldset class="choices">
            <legend>The key of its agent stays valid unless it is revoked</legend>
            {own.map(({ id, name, lastUsedAt }) => (
              <label key={id}>
                <input
                  type="checkbox"
                  checked={!kept.includes(id)}
                  onChange={() => onChange(kept.includes(id) ? kept.filter((one) => one !== id) : [...kept, id])}
                />
                <span>
                  Revoke {name} <code>{id}</code>,{' '}
                  {lastUsedAt ? (
                    <>
                      last used <Time value={lastUsedAt} />
                    </>
                  ) : (
                    'never used'
                  )}
                </span>
              </label>
            ))}
          </fieldset>
        )
      }}
    </ResourceView>
  )
}

const isOnlyOf = (vantage: string, scopes: readonly string[]) => scopes.every((scope) => scope === `vantage:${vantage}`)
