import { useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { Key as KeySchema } from '../../../api/routes/keys/schemas.ts'
import type { Session as SessionSchema } from '../../../api/routes/sessions/schemas.ts'
import { send } from '../../api/client.ts'
import { mayAny } from '../../api/me.ts'
import { me } from '../../api/session.ts'
import { Actor } from '../../parts/actor.tsx'
import { Confirm } from '../../parts/controls/confirm.tsx'
import { Tabs } from '../../parts/controls/tabs.tsx'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { OnlyNow } from '../../parts/only-now.tsx'
import { Page } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import { at, query } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { NewKey } from './new-key.tsx'

type Key = Static<typeof KeySchema>
type Session = Static<typeof SessionSchema>

const title = 'Keys and sessions'

/** Who may use the service, and who is signed in. */
export default function Keys() {
  const [isOpen, setOpen] = useState(false)
  const [round, setRound] = useState(0)
  if (at.value) return <OnlyNow title={title} />
  if (!mayAny(me.value))
    return (
      <Page title={title}>
        <EmptyState title="Only administrators see keys and sessions.">Your key needs the scope admin.</EmptyState>
      </Page>
    )
  const onChange = () => setRound(round + 1)
  return (
    <Page
      title={title}
      lead="Who may use the service, and who is signed in. A change needs a sign-in of the last 15 minutes."
      actions={
        <button type="button" class="primary" onClick={() => setOpen(true)}>
          Create a key
        </button>
      }
    >
      <Tabs
        name="show"
        label="Keys or sessions"
        tabs={[
          ['keys', 'Keys'],
          ['sessions', 'Sessions'],
        ]}
      />
      {query.value.get('show') === 'sessions' ? (
        <Sessions key={round} onChange={onChange} />
      ) : (
        <KeyList key={round} onChange={onChange} />
      )}
      {isOpen && (
        <NewKey
          onClose={() => {
            setOpen(false)
            onChange()
          }}
        />
      )}
    </Page>
  )
}

function KeyList({ onChange }: { onChange(): void }) {
  return (
    <Listing<Key>
      path="/v1/keys"
      hasFiles={false}
      caption="Keys, newest first, with revoked ones"
      rowKey={({ id }) => id}
      columns={[
        {
          head: 'Key',
          cell: ({ id, name }) => (
            <div>
              {name}
              <div class="faint">
                <code>{id}</code>
              </div>
            </div>
          ),
        },
        { head: 'May', cell: ({ scopes }) => <Scopes scopes={scopes} /> },
        { head: 'Targets', cell: ({ targets }) => limitText(targets) },
        {
          head: 'Created',
          cell: ({ createdAt, createdBy, createdByName }) => (
            <div>
              <Time value={createdAt} />
              {createdBy && (
                <div class="faint">
                  by <Actor id={createdBy} name={createdByName} />
                </div>
              )}
            </div>
          ),
        },
        { head: 'Last used', cell: ({ lastUsedAt }) => (lastUsedAt ? <Time value={lastUsedAt} /> : 'never') },
        { head: 'Expires', cell: ({ expiresAt }) => (expiresAt ? <Time value={expiresAt} /> : 'never') },
        { head: 'State', cell: (key) => <RevokeKey item={key} onChange={onChange} /> },
      ]}
      empty={<EmptyState title="There are no keys." />}
    />
  )
}

const Scopes = ({ scopes }: { scopes: readonly string[] }) => (
  <div>
    {scopes.map((scope) => (
      <div key={scope} class="state">
        {scope}
      </div>
    ))}
  </div>
)

const limitText = (targets: Key['targets']) =>
  targets === null
    ? 'all'
    : Object.entries(targets.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(', ')

function RevokeKey({ item: { id, name, revokedAt }, onChange }: { item: Key; onChange(): void }) {
  const [isOpen, setOpen] = useState(false)
  if (revokedAt)
    return (
      <span class="faint">
        revoked <Time value={revokedAt} />
      </span>
    )
  const isOwn = me.value?.id === id
  return (
    <div>
      <button type="button" disabled={isOwn} aria-label={`Revoke ${name}`} onClick={() => setOpen(true)}>
        Revoke
      </button>
      {isOwn && <div class="faint">A key cannot revoke itself.</div>}
      {isOpen && (
        <Confirm
          title={`Revoke ${name}?`}
          button="Revoke key"
          reason="Why it is revoked (may stay empty)"
          onConfirm={async (reason) => {
            await send('DELETE', apiPath(uri`/v1/keys/${id}`, { reason: reason || null }))
            onChange()
          }}
          onClose={() => setOpen(false)}
        >
          <p>
            It is rejected immediately and for ever. Sessions with it end, and the schedules that it changed last are
            paused.
          </p>
        </Confirm>
      )}
    </div>
  )
}

function Sessions({ onChange }: { onChange(): void }) {
  return (
    <Listing<Session>
      path="/v1/sessions"
      hasFiles={false}
      caption="Browsers in which people are signed in, newest first"
      rowKey={({ id }) => id}
      columns={[
        {
          head: 'Person',
          cell: ({ name, caller, isCurrent }) => (
            <div>
              {name}
              {isCurrent && <strong> (this browser)</strong>}
              <div class="faint">
                <code>{caller}</code>
              </div>
            </div>
          ),
        },
        { head: 'Signed in with', cell: ({ kind }) => (kind === 'oidc' ? 'single sign-on' : 'a key') },
        { head: 'Since', cell: ({ createdAt }) => <Time value={createdAt} /> },
        { head: 'Last used', cell: ({ lastUsedAt }) => <Time value={lastUsedAt} /> },
        { head: 'Ends', cell: ({ endsAt }) => <Time value={endsAt} /> },
        { head: 'End', cell: (session) => <EndSession session={session} onChange={onChange} /> },
      ]}
      empty={<EmptyState title="No one is signed in." />}
    />
  )
}

function EndSession({ session: { id, name, isCurrent }, onChange }: { session: Session; onChange(): void }) {
  const [isOpen, setOpen] = useState(false)
  if (isCurrent) return <span class="faint">Sign out in the menu</span>
  return (
    <div>
      <button type="button" aria-label={`End the session of ${name}`} onClick={() => setOpen(true)}>
        End
      </button>
      {isOpen && (
        <Confirm
          title={`End the session of ${name}?`}
          button="End session"
          onConfirm={async () => {
            await send('DELETE', uri`/v1/sessions/${id}`)
            onChange()
          }}
          onClose={() => setOpen(false)}
        >
          <p>The browser is signed out immediately. The key stays valid.</p>
        </Confirm>
      )}
    </div>
  )
}
