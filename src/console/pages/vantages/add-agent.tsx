import { useRef, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { KeyWithSecret } from '../../../api/routes/keys/schemas.ts'
import { send } from '../../api/client.ts'
import { Dialog } from '../../parts/controls/dialog.tsx'
import { Form, TextField } from '../../parts/forms/form.tsx'
import { useSubmission } from '../../parts/forms/submission.ts'
import { CopyButton } from '../../parts/lists/listing.tsx'
import { servicePath } from '../../url/base.ts'
import { uri } from '../../url/parameters.ts'
import { Arrival, useArrival } from './arrival.tsx'

/** Three steps to an agent: its vantage with its zones, its key and the commands that start it, and its first sign of life. */
export function AddAgent({ zones, onClose }: { zones: readonly string[]; onClose: () => void }) {
  const [name, setName] = useState('')
  const [key, setKey] = useState<string>()
  if (key === undefined)
    return (
      <Dialog title="Add an agent: 1 of 3" onClose={onClose}>
        <Registration
          suggestions={zones}
          onRegistered={(registered, secret) => {
            setName(registered)
            setKey(secret)
          }}
        />
      </Dialog>
    )
  return <Start name={name} secret={key} onClose={onClose} />
}

function Registration({
  suggestions,
  onRegistered,
}: {
  suggestions: readonly string[]
  onRegistered: (name: string, key: string) => void
}) {
  const [name, setName] = useState('')
  const [zones, setZones] = useState('')
  const submission = useSubmission()
  const registered = useRef<string | null>(null)
  const list = [...new Set(zones.split(/[\s,]+/).filter((zone) => zone))]
  const create = () =>
    submission.run(async () => {
      const content = JSON.stringify([name, list])
      if (registered.current !== content) {
        // What this form has registered may be changed by it; another vantage must not be.
        const isOwn = registered.current?.startsWith(JSON.stringify([name]).slice(0, -1))
        const headers: Record<string, string> = isOwn ? {} : { 'if-none-match': '*' }
        await send('PUT', uri`/v1/vantages/${name}`, { zones: list }, { headers })
        registered.current = content
      }
      const wanted = { name: `agent of ${name}`, scopes: [`vantage:${name}`] }
      const created = await send<Static<typeof KeyWithSecret>>('POST', '/v1/keys', wanted, {
        headers: submission.keyFor(wanted),
      })
      onRegistered(name, created.key ?? 'not shown again')
    })
  return (
    <Form
      submission={submission}
      onSubmit={create}
      submit="Register the vantage and create its key"
      conflictAt="/name"
      isReady={name !== '' && list.length > 0}
    >
      <TextField
        label="Name of its vantage"
        pointer="/name"
        hint="Findings show it. Lower-case letters, digits and hyphens."
        required
        maxLength={100}
        placeholder="branch-office"
        value={name}
        onChange={setName}
      />
      <TextField
        label="Zones that it belongs to"
        pointer="/zones"
        hint="With commas. A rule names the zones from which it must be checked."
        required
        placeholder="client, untrusted"
        value={zones}
        onChange={setZones}
      />
      {suggestions.length > 0 && (
        <div class="actions">
          <span class="faint">Zones without a vantage:</span>
          {suggestions.map((zone) => (
            <button
              key={zone}
              type="button"
              class="quiet"
              disabled={list.includes(zone)}
              onClick={() => setZones([...list, zone].join(', '))}
            >
              Add {zone}
            </button>
          ))}
        </div>
      )}
    </Form>
  )
}

/** The commands with the key, and whether the agent has come. The key is nowhere else, so the dialog closes by its button alone. */
function Start({ name, secret, onClose }: { name: string; secret: string; onClose: () => void }) {
  const server = new URL(servicePath('/'), location.origin).href.replace(/\/$/, '')
  const command = `export PORTWARDEN_AGENT_KEY=${secret}\nnpm run -s agent -- --server ${server} --vantage ${name}`
  const isLoopback = ['127.0.0.1', '[::1]', 'localhost'].includes(location.hostname)
  const arrived = useArrival(name)
  const hasCome = arrived?.lastSeenAt != null
  return (
    <Dialog title={hasCome ? 'Add an agent: 3 of 3' : 'Add an agent: 2 of 3'} onClose={hasCome ? onClose : undefined}>
      <p>
        Run these commands at the vantage, in a copy of this version of Portwarden. Where the package of the agent is
        installed, <code>portwarden-agent</code> replaces <code>npm run -s agent --</code>. The key is shown only now,
        and is good for this vantage alone.
      </p>
      <pre class="card">
        <code>{command}</code>
      </pre>
      <div class="actions">
        <CopyButton text={command}>Copy the commands</CopyButton>
      </div>
      {isLoopback && (
        <p class="faint">
          {location.host} is reached from this machine alone: elsewhere, put the HTTPS address of the service there.
        </p>
      )}
      <Arrival name={name} vantage={arrived} />
      <div class="actions">
        <button type="button" class={hasCome ? 'primary' : ''} onClick={onClose}>
          {hasCome ? 'Done' : 'Close: I have the commands'}
        </button>
      </div>
    </Dialog>
  )
}
