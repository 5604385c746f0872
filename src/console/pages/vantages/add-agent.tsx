import { useRef, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { KeyWithSecret } from '../../../api/routes/keys/schemas.ts'
import { asProblemError, send } from '../../api/client.ts'
import type { ProblemError } from '../../api/problem.ts'
import { Dialog } from '../../parts/controls/dialog.tsx'
import { CopyButton } from '../../parts/lists/listing.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { servicePath } from '../../url/base.ts'
import { uri } from '../../url/parameters.ts'

/** Three steps to an agent: its vantage with its zones, its key, the command that starts it. */
export function AddAgent({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('')
  const [zones, setZones] = useState('')
  const [key, setKey] = useState<string>()
  const [problem, setProblem] = useState<ProblemError>()
  const [isBusy, setBusy] = useState(false)
  const attempt = useRef(crypto.randomUUID()) // a repeated request creates no second key
  const isRegistered = useRef(false)
  const create = async () => {
    if (!isRegistered.current) {
      const list = [...new Set(zones.split(/[\s,]+/).filter((zone) => zone))]
      await send('PUT', uri`/v1/vantages/${name}`, { zones: list }, { headers: { 'if-none-match': '*' } })
      isRegistered.current = true
    }
    const wanted = { name: `agent of ${name}`, scopes: [`vantage:${name}`] }
    const headers = { 'idempotency-key': attempt.current }
    const created = await send<Static<typeof KeyWithSecret>>('POST', '/v1/keys', wanted, { headers })
    setKey(created.key ?? 'not shown again')
  }
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    setProblem(undefined)
    await create().catch((error: unknown) => setProblem(asProblemError(error)))
    setBusy(false)
  }
  return (
    <Dialog title="Add an agent" onClose={onClose}>
      {key === undefined ? (
        <form class="form" onSubmit={(event) => void submit(event)}>
          <label>
            1. Name of its vantage
            <input
              required
              maxLength={100}
              pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?"
              title="Lower-case letters, digits and hyphens"
              placeholder="branch-office"
              value={name}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
          </label>
          <label>
            2. Zones that it belongs to, with commas
            <input
              required
              placeholder="client, untrusted"
              value={zones}
              onInput={({ currentTarget }) => setZones(currentTarget.value)}
            />
          </label>
          {problem && <ProblemBlock problem={problem} />}
          <button type="submit" class="primary" disabled={isBusy}>
            Register the vantage and create its key
          </button>
        </form>
      ) : (
        <Command name={name} secret={key} />
      )}
    </Dialog>
  )
}

function Command({ name, secret }: { name: string; secret: string }) {
  const server = new URL(servicePath('/'), location.origin).href.replace(/\/$/, '')
  const command = `export PORTWARDEN_AGENT_KEY=${secret}\nnpm run -s agent -- --server ${server} --vantage ${name}`
  return (
    <>
      <p>3. Run these commands there. The key is shown only now.</p>
      <pre class="card">
        <code>{command}</code>
      </pre>
      <div class="actions">
        <CopyButton text={command}>Copy the commands</CopyButton>
      </div>
    </>
  )
}
