import { useState } from 'preact/hooks'
import { asProblemError, send } from '../../api/client.ts'
import type { ProblemError } from '../../api/problem.ts'
import { Dialog } from '../../parts/controls/dialog.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { uri } from '../../url/parameters.ts'
import type { Item } from './columns.tsx'

/** Approves the present outcome of the chosen changes in a baseline, with a reason. */
export function AcceptIntoBaseline({
  baseline,
  chosen,
  onAccepted,
}: {
  baseline: string
  chosen: readonly Item[]
  onAccepted: () => void
}) {
  const [isOpen, setOpen] = useState(false)
  const [reason, setReason] = useState('')
  const [problem, setProblem] = useState<ProblemError>()
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    const items = chosen.map(({ target, policy, rule, vantage }) => ({ target, policy, rule, vantage }))
    try {
      await send('POST', `${uri`/v1/baselines/${baseline}`}/approve`, { reason, items })
      setOpen(false)
      onAccepted()
    } catch (error) {
      setProblem(asProblemError(error))
    }
    setBusy(false)
  }
  const count = chosen.length
  return (
    <>
      <div class="actions">
        <button type="button" disabled={count === 0} onClick={() => setOpen(true)}>
          Accept into baseline
        </button>
        <span class="faint" role="status">
          {count === 0 ? `Select changes to accept them into ${baseline}.` : `${count} selected`}
        </span>
      </div>
      {isOpen && (
        <Dialog title="Accept into baseline" onClose={() => setOpen(false)}>
          <form class="form" onSubmit={(event) => void submit(event)}>
            <p>
              The present outcome of {count} {count === 1 ? 'check' : 'checks'} becomes the approved one of{' '}
              <strong>{baseline}</strong>. The ledger records it with your name.
            </p>
            <label>
              Reason
              <input
                required
                maxLength={1000}
                value={reason}
                onInput={({ currentTarget }) => setReason(currentTarget.value)}
              />
            </label>
            {problem && <ProblemBlock problem={problem} />}
            <button type="submit" class="primary" disabled={isBusy}>
              Accept
            </button>
          </form>
        </Dialog>
      )}
    </>
  )
}
