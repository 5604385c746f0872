import { useEffect, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { PolicyValidation } from '../../../api/routes/policies/schemas.ts'
import { asProblemError, call, isAbort } from '../../api/client.ts'
import { ProblemError } from '../../api/problem.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Form, TextField } from '../../parts/forms/form.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { useSubmission } from '../../parts/forms/submission.ts'
import { Link } from '../../parts/link.tsx'
import { Page, type PageProps } from '../../parts/page.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { href, navigate, query } from '../../url/location.ts'
import { apiPath, uri } from '../../url/parameters.ts'
import { CodeArea, showLine } from './code-area.tsx'
import { type Base, type Draft, drafts, nameIn, readBase, template } from './draft.ts'
import { Merge } from './merge.tsx'
import { ProposalForm } from './propose.tsx'
import { type Preview, Rehearsal, rehearse } from './rehearsal.tsx'
import './policies.css'

const settleMs = 400

/** The text of a policy: checked while it is written, rehearsed on stored facts, and saved as a new version. */
export default function PolicyEditor({ params: { name } }: PageProps) {
  const key = name ?? ''
  const [draft, setDraft] = useState(drafts.get(key))
  const loading = useSubmission()
  const load = () =>
    loading.run(async () => {
      if (drafts.has(key)) return
      const base = name === undefined ? undefined : await readBase(name)
      setDraft({ text: base?.text ?? template, note: '', base })
    })
  useEffect(() => {
    void load()
  }, [key])
  const change = (next: Draft | undefined) => {
    if (next) drafts.set(key, next)
    else drafts.delete(key)
    setDraft(next)
  }
  const reason = whyNotAllowed('policies:write')
  return (
    <Page
      title={name === undefined ? 'Add a policy' : `Edit ${name}`}
      lead="A change becomes a new version. Earlier versions stay, and so do their comments."
    >
      {reason && <EmptyState title={`${reason}.`} />}
      {loading.problem && <ProblemBlock problem={loading.problem} onRetry={() => void load()} />}
      {!reason && query.value.has('propose') && (
        <ProposalForm
          onProposed={(text) => {
            change({ text, note: '', base: undefined })
            navigate(href('/policies/-/new'))
          }}
        />
      )}
      {!reason && !query.value.has('propose') && draft && (
        <Editor
          name={name}
          draft={draft}
          onChange={change}
          onDiscard={() => {
            change(undefined)
            navigate(href(name === undefined ? '/policies' : uri`/policies/${name}`))
          }}
        />
      )}
    </Page>
  )
}

interface Checked {
  text: string
  errors: Static<typeof PolicyValidation>['errors']
  problem?: ProblemError
}

/** What the service says of a text, when nothing was typed for a while. */
function useValidation(text: string): Checked | undefined {
  const [checked, setChecked] = useState<Checked>()
  useEffect(() => {
    const leaving = new AbortController()
    const timer = setTimeout(() => {
      const content = { type: 'application/yaml', data: text }
      call('/v1/policies/validate', { method: 'POST', content, signal: leaving.signal })
        .then(async (response) => {
          const { errors }: Static<typeof PolicyValidation> = await response.json()
          setChecked({ text, errors })
        })
        .catch((error: unknown) => isAbort(error) || setChecked({ text, errors: [], problem: asProblemError(error) }))
    }, settleMs)
    return () => {
      clearTimeout(timer)
      leaving.abort()
    }
  }, [text])
  return checked
}

function Editor({
  name,
  draft,
  onChange,
  onDiscard,
}: {
  name: string | undefined
  draft: Draft
  onChange: (draft: Draft | undefined) => void
  onDiscard: () => void
}) {
  const { text, note, base } = draft
  const checked = useValidation(text)
  const isValid = checked?.text === text && checked.errors.length === 0 && !checked.problem
  const [rehearsed, setRehearsed] = useState<{ text: string; preview: Preview }>()
  const rehearsing = useSubmission()
  const saving = useSubmission()
  const [theirs, setTheirs] = useState<Base>()
  const [earlier, setEarlier] = useState<string>() // what was typed before a merge
  const isRehearsed = rehearsed?.text === text
  const isChanged = text !== base?.text
  useLeaveWarning(isChanged)
  const path = name ?? nameIn(text)
  const isMerging = theirs !== undefined && theirs.etag !== base?.etag
  const save = () =>
    saving.run(async () => {
      if (path === undefined) throw new ProblemError({ status: 0, title: 'The policy has no name' })
      const precondition: Record<string, string> = base ? { 'if-match': base.etag } : { 'if-none-match': '*' }
      try {
        await call(apiPath(uri`/v1/policies/${path}`, { note }), {
          method: 'PUT',
          content: { type: 'application/yaml', data: text },
          headers: precondition,
        })
      } catch (error) {
        if (error instanceof ProblemError && error.problem.status === 412) setTheirs(await readBase(path))
        throw error
      }
      onChange(undefined)
      navigate(href(uri`/policies/${path}`))
    })
  const missing = !isChanged
    ? 'Nothing is changed yet.'
    : !isValid
      ? 'The text must be valid.'
      : !isRehearsed
        ? 'See what it would change first.'
        : note.trim() === ''
          ? 'Say why it changes.'
          : undefined
  return (
    <>
      <CodeArea
        label="Policy in YAML"
        value={text}
        marked={new Set(checked?.errors.flatMap(({ line }) => line ?? []))}
        describedBy="policy-state"
        onChange={(next) => onChange({ ...draft, text: next })}
      />
      <Validation checked={checked} isCurrent={checked?.text === text} />
      <div class="actions">
        <button
          type="button"
          disabled={!isValid || rehearsing.isBusy}
          onClick={() => void rehearsing.run(async () => setRehearsed({ text, preview: await rehearse(text) }))}
        >
          Show what it would change
        </button>
        {earlier !== undefined && (
          <button
            type="button"
            onClick={() => {
              onChange({ ...draft, text: earlier })
              setEarlier(text)
            }}
          >
            Swap with my text before the merge
          </button>
        )}
        {base && isChanged && (
          <button type="button" onClick={() => onChange({ ...draft, text: base.text })}>
            Back to version {base.version}
          </button>
        )}
      </div>
      {rehearsing.problem && <ProblemBlock problem={rehearsing.problem} />}
      {rehearsed && isRehearsed && <Rehearsal preview={rehearsed.preview} />}
      {isMerging && (
        <Merge
          before={base?.text ?? ''}
          mine={text}
          theirs={theirs}
          onMerged={(merged) => {
            setEarlier(text)
            onChange({ ...draft, text: merged, base: theirs })
          }}
        />
      )}
      <Form
        submission={isMerging ? { ...saving, problem: undefined } : saving}
        onSubmit={save}
        submit={path === undefined ? 'Save' : `Save as a new version of ${path}`}
        isReady={missing === undefined}
        buttons={
          <>
            {missing && <span class="faint">{missing}</span>}
            <button type="button" onClick={onDiscard}>
              Discard the draft
            </button>
            <Link to={name === undefined ? '/policies' : uri`/policies/${name}`}>Leave it for now</Link>
          </>
        }
      >
        <TextField
          label="Why it changes"
          pointer="/note"
          hint="Shown beside the version, for example with the number of a change."
          required
          maxLength={1000}
          value={note}
          onChange={(next) => onChange({ ...draft, note: next })}
        />
      </Form>
    </>
  )
}

/** Asks before the tab is closed while a draft differs from what is stored. */
function useLeaveWarning(isChanged: boolean): void {
  useEffect(() => {
    if (!isChanged) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [isChanged])
}

function Validation({ checked, isCurrent }: { checked: Checked | undefined; isCurrent: boolean }) {
  return (
    <div id="policy-state" role="status" class="issues">
      {!checked || !isCurrent ? (
        <p class="faint">Checking …</p>
      ) : checked.problem ? (
        <p class="issue">{checked.problem.message}</p>
      ) : checked.errors.length === 0 ? (
        <p>The policy is valid.</p>
      ) : (
        <ul>
          {checked.errors.map(({ line, pointer, message }) => (
            <li key={`${line} ${pointer} ${message}`} class="issue">
              <span>
                {line !== undefined && (
                  <button type="button" class="quiet" onClick={() => showLine(line)}>
                    Line {line}
                  </button>
                )}{' '}
                <code>{pointer}</code> {message}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
