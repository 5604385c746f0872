import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { asProblemError } from '../../api/client.ts'
import type { ProblemError } from '../../api/problem.ts'
import { ProblemBlock } from '../problem-block.tsx'
import { Dialog } from './dialog.tsx'

/** A dialog that asks before something is done, with a field for the reason if `reason` names one; it closes once it is done. */
export function Confirm({
  title,
  button,
  reason,
  isReasonNeeded = false,
  onConfirm,
  onClose,
  children,
}: {
  title: string
  button: string
  reason?: string | undefined
  isReasonNeeded?: boolean
  onConfirm(reason: string): Promise<void>
  onClose(): void
  children?: ComponentChildren
}) {
  const [typed, setTyped] = useState('')
  const [problem, setProblem] = useState<ProblemError>()
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    setProblem(undefined)
    try {
      await onConfirm(typed.trim())
      onClose()
    } catch (error) {
      setProblem(asProblemError(error))
      setBusy(false)
    }
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="form" onSubmit={(event) => void submit(event)}>
        {children}
        {reason && (
          <label>
            {reason}
            <textarea
              rows={2}
              maxLength={1000}
              required={isReasonNeeded}
              value={typed}
              onInput={({ currentTarget }) => setTyped(currentTarget.value)}
            />
          </label>
        )}
        {problem && <ProblemBlock problem={problem} />}
        <div class="actions">
          <button type="submit" class="primary" disabled={isBusy}>
            {button}
          </button>
          <button type="button" onClick={onClose}>
            Back
          </button>
        </div>
      </form>
    </Dialog>
  )
}
