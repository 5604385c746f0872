import { type ComponentChildren, createContext } from 'preact'
import { useContext, useEffect, useId, useRef } from 'preact/hooks'
import { ProblemError } from '../../api/problem.ts'
import { ProblemBlock } from '../problem-block.tsx'
import type { FieldIssue } from './issue.ts'
import type { Submission } from './submission.ts'

interface FormState {
  issues: readonly FieldIssue[]
  /** Pointers of the fields that show their issues. */
  shown: Set<string>
}

const Context = createContext<FormState>({ issues: [], shown: new Set() })

const belongsTo = ({ pointer }: FieldIssue, field: string) => pointer === field || pointer.startsWith(`${field}/`)

/**
 * A form whose fields show what the service says of them; the rest is above its buttons. After a refusal the first field with an
 * issue has the focus.
 */
export function Form({
  submission: { problem, isBusy },
  onSubmit,
  conflictAt,
  issues: own = [],
  submit,
  isReady = true,
  buttons,
  children,
}: {
  submission: Pick<Submission, 'problem' | 'isBusy'>
  onSubmit: () => Promise<unknown>
  /** The field that a 409 or 412 is about. */
  conflictAt?: string | undefined
  /** Issues that the page has found itself. */
  issues?: readonly FieldIssue[]
  /** The words on the button that sends the form. */
  submit: string
  /** Whether it can be sent. */
  isReady?: boolean
  /** Beside the button. */
  buttons?: ComponentChildren
  children: ComponentChildren
}) {
  const form = useRef<HTMLFormElement>(null)
  const refused = problem?.problem
  const conflict =
    conflictAt && (refused?.status === 409 || refused?.status === 412)
      ? [{ pointer: conflictAt, detail: problem?.message ?? '' }]
      : []
  const state: FormState = { issues: [...own, ...(refused?.errors ?? []), ...conflict], shown: new Set() }
  useEffect(() => {
    if (problem) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [problem])
  return (
    <form
      ref={form}
      class="form card"
      onSubmit={(event) => {
        event.preventDefault()
        if (!isBusy) void onSubmit()
      }}
    >
      <Context.Provider value={state}>
        {children}
        {problem && <Rest problem={problem} />}
      </Context.Provider>
      <div class="actions">
        <button type="submit" class="primary" disabled={isBusy || !isReady || own.length > 0}>
          {submit}
        </button>
        {buttons}
      </div>
    </form>
  )
}

/** What no field shows of a problem. It renders after the fields. */
function Rest({ problem: { problem, retryAfterSeconds } }: { problem: ProblemError }) {
  const { issues, shown } = useContext(Context)
  const isShown = (issue: FieldIssue) => [...shown].some((field) => belongsTo(issue, field))
  if (issues.length > 0 && issues.every(isShown)) return <p role="alert">Not saved: see the fields above.</p>
  const { errors, ...rest } = problem
  const left = errors?.filter((issue) => !isShown(issue))
  return <ProblemBlock problem={new ProblemError({ ...rest, ...(left && { errors: left }) }, retryAfterSeconds)} />
}

/** A pattern says nothing to most people; its example does. */
const readable = (detail: string) =>
  detail.replace(/^must match pattern ".*", for example /s, 'is not valid; an example: ')

/** What the control of a field gets. */
export interface Control {
  id: string
  'aria-describedby': string | undefined
  'aria-invalid': boolean | undefined
}

/** A field with its label, a hint, and what is wrong with it. */
export function Field({
  label,
  pointer,
  hint,
  need,
  children,
}: {
  label: ComponentChildren
  /** JSON Pointer of its value in the request. */
  pointer: string
  hint?: ComponentChildren
  /** Beside the label: that it is needed, or not. */
  need?: string | undefined
  children: (control: Control) => ComponentChildren
}) {
  const id = useId()
  const { issues, shown } = useContext(Context)
  shown.add(pointer)
  const own = issues.filter((issue) => belongsTo(issue, pointer))
  const about = [hint && `${id}-hint`, own.length > 0 && `${id}-issue`].filter((part) => part)
  const control: Control = {
    id,
    'aria-describedby': about.join(' ') || undefined,
    'aria-invalid': own.length > 0 || undefined,
  }
  return (
    <div class="field">
      <label for={id}>
        {label}
        {need && <span class="faint"> {need}</span>}
      </label>
      {children(control)}
      {own.length > 0 && (
        <p id={`${id}-issue`} class="issue">
          {own.map(({ pointer: at, detail }) => (
            <span key={at + detail}>
              {at !== pointer && <code>{at.slice(pointer.length + 1)} </code>}
              {readable(detail)}
            </span>
          ))}
        </p>
      )}
      {hint && (
        <p id={`${id}-hint`} class="faint">
          {hint}
        </p>
      )}
    </div>
  )
}

interface TextProps extends Omit<Parameters<typeof Field>[0], 'children'> {
  value: string
  onChange: (value: string) => void
  /** More than one line. */
  rows?: number
  required?: boolean
  maxLength?: number
  placeholder?: string
  /** Id of a list of suggestions. */
  list?: string
  inputMode?: 'numeric'
}

/** A field for a text. */
export function TextField({ label, pointer, hint, need, value, onChange, rows, list, ...rest }: TextProps) {
  return (
    <Field label={label} pointer={pointer} hint={hint} need={need}>
      {(control) => {
        const shared = { ...rest, ...control, value, autocomplete: 'off' as const }
        return rows === undefined ? (
          <input {...shared} list={list} onInput={({ currentTarget }) => onChange(currentTarget.value)} />
        ) : (
          <textarea {...shared} rows={rows} onInput={({ currentTarget }) => onChange(currentTarget.value)} />
        )
      }}
    </Field>
  )
}
