import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { Icon } from '../icon.tsx'

interface DialogProps {
  title: string
  /** Closes it; undefined for a dialog that must be finished. */
  onClose: (() => void) | undefined
  children: ComponentChildren
}

/** A modal dialog; it is open while it is rendered, and gives the focus back. */
export const Dialog = (props: DialogProps) => <Modal {...props} kind="dialog" />

/** A modal dialog at the side of the page, for details of what the page shows. */
export const Drawer = (props: DialogProps) => <Modal {...props} kind="drawer" />

function Modal({ title, onClose, children, kind }: DialogProps & { kind: 'dialog' | 'drawer' }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useEffect(() => {
    const before = document.activeElement
    dialog.current?.showModal()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      class={kind}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        onClose?.()
      }}
    >
      <header class="dialog-head">
        <h2 id={titleId}>{title}</h2>
        {onClose && (
          <button type="button" class="quiet" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        )}
      </header>
      {children}
    </dialog>
  )
}
