import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Confirm } from './confirm.tsx'

/** A button whose action is confirmed in a dialog that says what will happen. */
export function ConfirmButton({
  label,
  title,
  confirm,
  reason,
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
  /** Names a field for the reason, which the action gets. */
  reason?: string
  /** Why the button is disabled. */
  disabledReason?: string | undefined
  /** For a row of a table. */
  isQuiet?: boolean
  action: (reason: string) => Promise<void>
  children: ComponentChildren
}) {
  const [isOpen, setOpen] = useState(false)
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
        <Confirm title={title} button={confirm} reason={reason} onConfirm={action} onClose={() => setOpen(false)}>
          {children}
        </Confirm>
      )}
    </>
  )
}
