import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Dialog } from '../controls/dialog.tsx'
import { ProblemBlock } from '../problem-block.tsx'
import { useSubmission } from './submission.ts'

/** A button whose action is confirmed in a dialog that says what will happen. */
export function ConfirmButton({
  label,
  title,
  confirm,
  disabledReason,
  isQuiet = false,
  action,
  children,
}: {
  label: string
  /** Of the dialog, a question. */
  title: string
  /** The words on the button that acts. */
  confirm: string
  /** Why the button is disabled. */
  disabledReason?: string | undefined
  /** For a row of a table. */
  isQuiet?: boolean
  action: () => Promise<void>
  children: ComponentChildren
}) {
  const [isOpen, setOpen] = useState(false)
  const submission = useSubmission()
  const act = async () => {
    if (await submission.run(action)) setOpen(false)
  }
  return (
    <>
      <button
        type="button"
        class={isQuiet ? 'quiet' : undefined}
        disabled={disabledReason !== undefined}
        title={disabledReason}
        onClick={() => setOpen(true)}
      >
        {label}
      </button>
      {isOpen && (
        <Dialog title={title} onClose={() => setOpen(false)}>
          {children}
          {submission.problem && <ProblemBlock problem={submission.problem} />}
          <div class="actions">
            <button type="button" class="primary" disabled={submission.isBusy} onClick={() => void act()}>
              {confirm}
            </button>
            <button type="button" onClick={() => setOpen(false)}>
              Keep it
            </button>
          </div>
        </Dialog>
      )}
    </>
  )
}
