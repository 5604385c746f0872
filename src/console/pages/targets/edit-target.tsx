import { useEffect, useState } from 'preact/hooks'
import { getVersioned, send, type Versioned } from '../../api/client.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { useSubmission } from '../../parts/forms/submission.ts'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Page, type PageProps } from '../../parts/page.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { href, navigate } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import {
  differencesOf,
  type FieldDifference,
  readTypedTarget,
  type TargetContent,
  typedTarget,
} from './target-fields.ts'
import { TargetForm } from './target-form.tsx'

type Stored = Versioned<TargetContent>

/** A form that changes a target. */
export default function EditTarget({ params: { name = '' } }: PageProps) {
  const path = uri`/v1/targets/${name}`
  const loading = useSubmission()
  const [stored, setStored] = useState<Stored>()
  const load = () => loading.run(async () => setStored(await getVersioned(path)))
  useEffect(() => {
    void load()
  }, [path])
  const reason = whyNotAllowed('targets:write')
  return (
    <Page title={`Edit ${name}`}>
      {reason && <EmptyState title={`${reason}.`} />}
      {loading.problem && <ProblemBlock problem={loading.problem} onRetry={() => void load()} />}
      {!reason && stored && <Editor path={path} opened={stored} />}
    </Page>
  )
}

function Editor({ path, opened }: { path: string; opened: Stored }) {
  const [typed, setTyped] = useState(() => typedTarget(opened.value))
  const [stored, setStored] = useState(opened)
  const [newer, setNewer] = useState<Stored>()
  const submission = useSubmission()
  const save = (content: TargetContent) =>
    submission.run(async () => {
      const { name, ...fields } = content
      try {
        await send('PUT', path, fields, { headers: { 'if-match': stored.etag } })
      } catch (error) {
        // Someone else was faster: what they saved is shown beside what was typed, unless it cannot be read.
        setNewer(await getVersioned<TargetContent>(path).catch(() => undefined))
        throw error
      }
      navigate(href(uri`/targets/${name}`))
    })
  const differences =
    newer && newer.etag !== stored.etag ? differencesOf(newer.value, readTypedTarget(typed).content) : []
  return (
    <>
      <TargetForm typed={typed} isNew={false} submission={submission} submit="Save" onChange={setTyped} onSend={save} />
      {newer && differences.length > 0 && (
        <Conflict
          differences={differences}
          onKeep={() => setStored(newer)}
          onTake={() => {
            setStored(newer)
            setTyped(typedTarget(newer.value))
          }}
        />
      )}
    </>
  )
}

function Conflict({
  differences,
  onKeep,
  onTake,
}: {
  differences: readonly FieldDifference[]
  onKeep: () => void
  onTake: () => void
}) {
  return (
    <section class="card" aria-label="Conflict">
      <p>The target was changed since you opened it. Nothing is saved, and what you typed is still in the form.</p>
      <DataTable
        caption="What differs"
        rows={differences}
        rowKey={({ field }) => field}
        columns={[
          { head: 'Field', cell: ({ field }) => field },
          { head: 'Stored now', cell: ({ stored }) => stored || 'nothing' },
          { head: 'You typed', cell: ({ typed }) => typed || 'nothing' },
        ]}
      />
      <div class="actions">
        <button type="button" onClick={onKeep}>
          Keep what I typed
        </button>
        <button type="button" onClick={onTake}>
          Take what is stored
        </button>
      </div>
    </section>
  )
}
