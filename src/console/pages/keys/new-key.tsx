import { useRef, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { KeyWithSecret } from '../../../api/routes/keys/schemas.ts'
import { asProblemError, send } from '../../api/client.ts'
import type { ProblemError } from '../../api/problem.ts'
import { Dialog } from '../../parts/controls/dialog.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { Secret } from '../../parts/secret.tsx'
import '../exceptions/exceptions.css'

/** What a key may do, and in which words; the limit to targets excludes the last two. */
const scopes: readonly [scope: string, does: string, isLimitable: boolean][] = [
  ['reports:read', 'read everything but keys', true],
  ['audits:run', 'request audits, schedules, windows and waivers', true],
  ['targets:write', 'create, change and retire targets', true],
  ['windows:approve', 'decide windows', true],
  ['waivers:approve', 'decide waivers, set baselines', true],
  ['policies:write', 'change policies', false],
  ['admin', 'everything, with keys, webhooks and vantages', false],
]

/** The form that creates a key, and then its secret, once. */
export function NewKey({ onClose }: { onClose(): void }) {
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [labels, setLabels] = useState('')
  const [expires, setExpires] = useState('')
  const [secret, setSecret] = useState<string | null>()
  const [problem, setProblem] = useState<ProblemError>()
  const [isBusy, setBusy] = useState(false)
  const attempt = useRef(crypto.randomUUID()) // sent twice, it makes one key
  const isLimited = labels.trim() !== ''
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    setProblem(undefined)
    const body = {
      ...{ name, scopes: chosen },
      ...(isLimited && { targets: { labels: readLabels(labels) } }),
      ...(expires && { expiresAt: new Date(expires).toISOString() }),
    }
    try {
      const headers = { 'idempotency-key': attempt.current }
      setSecret((await send<Static<typeof KeyWithSecret>>('POST', '/v1/keys', body, { headers })).key)
    } catch (error) {
      setProblem(asProblemError(error))
      attempt.current = crypto.randomUUID()
    }
    setBusy(false)
  }
  const toggle = (scope: string) =>
    setChosen(chosen.includes(scope) ? chosen.filter((one) => one !== scope) : [...chosen, scope])
  if (secret !== undefined)
    return (
      <Dialog title={`The key ${name}`} onClose={onClose}>
        <Secret what="key" value={secret} />
      </Dialog>
    )
  return (
    <Dialog title="Create a key" onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        <label>
          What it is for
          <input
            required
            maxLength={100}
            placeholder="ticket system"
            value={name}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <fieldset class="choices">
          <legend>What it may do</legend>
          {scopes.map(([scope, does, isLimitable]) => (
            <label key={scope}>
              <input
                type="checkbox"
                checked={chosen.includes(scope)}
                disabled={isLimited && !isLimitable}
                onChange={() => toggle(scope)}
              />
              <span>
                <code>{scope}</code> <span class="faint">{does}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <label>
          Limited to targets with the labels
          <input
            aria-describedby="limit-hint"
            placeholder="team=blue"
            value={labels}
            onInput={({ currentTarget }) => setLabels(currentTarget.value)}
          />
        </label>
        <p id="limit-hint" class="faint">
          Empty: all targets. Several labels with commas. A key for an agent is made on the page of vantages.
        </p>
        <label>
          Expires
          <input
            type="datetime-local"
            value={expires}
            onInput={({ currentTarget }) => setExpires(currentTarget.value)}
          />
        </label>
        {problem && <ProblemBlock problem={problem} />}
        <button type="submit" class="primary" disabled={isBusy || chosen.length === 0}>
          Create key
        </button>
      </form>
    </Dialog>
  )
}

/** `team=blue, site=hq` as an object. */
export const readLabels = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split(/[,\n]/)
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map((part) => {
        const end = part.includes('=') ? part.indexOf('=') : part.length
        return [part.slice(0, end).trim(), part.slice(end + 1).trim()]
      }),
  )
