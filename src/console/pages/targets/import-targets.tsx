import { useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { ImportOutcome } from '../../../api/routes/targets/schemas.ts'
import { call } from '../../api/client.ts'
import { ProblemError } from '../../api/problem.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Field, Form, TextField } from '../../parts/forms/form.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { useSubmission } from '../../parts/forms/submission.ts'
import { Link } from '../../parts/link.tsx'
import { DataTable } from '../../parts/lists/data-table.tsx'
import { Block, Page } from '../../parts/page.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { apiPath, uri } from '../../url/parameters.ts'
import { type ImportSource, readImport } from './import-source.ts'

type Outcome = Static<typeof ImportOutcome>

/** What an import would do. */
interface Preview {
  source: ImportSource
  outcome: Outcome
}

const example = 'name,address,labels.site\nepp-01,10.20.0.11,hq\nepp-02,10.20.0.12,branch'

/** Targets from a file or a text: shown first, then stored. */
export default function ImportTargets() {
  const reason = whyNotAllowed('targets:write')
  return (
    <Page title="Import targets" lead="From a spreadsheet, a CMDB, an export of this service, or a scan of nmap.">
      {reason ? <EmptyState title={`${reason}.`} /> : <Steps />}
    </Page>
  )
}

function Steps() {
  const [file, setFile] = useState<File>()
  const [text, setText] = useState('')
  const [preview, setPreview] = useState<Preview>()
  const [stored, setStored] = useState<Outcome>()
  const submission = useSubmission()
  const show = () =>
    submission.run(async () => {
      const source = await readImport(file ?? new Blob([text])).catch((error: Error) => {
        throw new ProblemError({ status: 0, title: 'This is not JSON', detail: error.message })
      })
      setPreview({ source, outcome: await send(source, { partial: true, dryRun: true }) })
    })
  if (stored) return <Stored outcome={stored} />
  return (
    <>
      <Form
        submission={submission}
        onSubmit={show}
        submit="Show what it would do"
        isReady={file !== undefined || text.trim() !== ''}
        buttons={<Link to="/targets">Cancel</Link>}
      >
        <Field
          label="File"
          pointer="/file"
          hint="CSV, JSON, NDJSON, or the XML of nmap or masscan. CSV may come from a spreadsheet as it is."
        >
          {(control) => (
            <input
              {...control}
              type="file"
              accept=".csv,.txt,.json,.ndjson,.jsonl,.xml"
              onChange={({ currentTarget }) => {
                setFile(currentTarget.files?.[0])
                setPreview(undefined)
              }}
            />
          )}
        </Field>
        {!file && (
          <TextField
            label="Or the text itself"
            pointer="/text"
            hint={
              <>
                The first line of CSV names the columns: <code>name</code>, <code>address</code>,{' '}
                <code>labels.site</code>, <code>roles</code>, <code>externalId</code>.
              </>
            }
            rows={8}
            placeholder={example}
            value={text}
            onChange={(typed) => {
              setText(typed)
              setPreview(undefined)
            }}
          />
        )}
      </Form>
      {preview && <PreviewBlock preview={preview} onStored={setStored} />}
    </>
  )
}

async function send(source: ImportSource, parameters: { partial: boolean; dryRun: boolean }): Promise<Outcome> {
  const path = apiPath('/v1/targets/import', parameters)
  return (await call(path, { method: 'POST', content: source })).json()
}

const many = (count: number, what: string) => `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`

function PreviewBlock({
  preview: { source, outcome },
  onStored,
}: {
  preview: Preview
  onStored: (outcome: Outcome) => void
}) {
  const { rows, created, updated, unchanged, refused, errors, changes, notes = [], omittedNotes = 0 } = outcome
  const submission = useSubmission()
  const changed = created + updated
  const store = () => submission.run(async () => onStored(await send(source, { partial: refused > 0, dryRun: false })))
  return (
    <Block title="What it would do" note={source.sentence}>
      <p role="status">
        {many(rows, 'row')}: <strong>{many(created, 'new target')}</strong>, {updated.toLocaleString('en')} changed,{' '}
        {unchanged.toLocaleString('en')} unchanged, {refused.toLocaleString('en')} refused. Nothing is stored yet.
      </p>
      {errors.length > 0 && (
        <DataTable
          caption={refused > errors.length ? `The first ${errors.length} errors` : 'Errors by line'}
          rows={errors}
          rowKey={({ line, pointer }) => `${line} ${pointer}`}
          columns={[
            { head: 'Line', isNumber: true, cell: ({ line }) => line },
            { head: 'Field', cell: ({ pointer }) => <code>{pointer.slice(1) || 'the row'}</code> },
            { head: 'What would be right', cell: ({ detail }) => detail },
          ]}
        />
      )}
      {notes.length > 0 && (
        <ul aria-label="Notes">
          {notes.map(({ line, detail }) => (
            <li key={`${line} ${detail}`}>
              Line {line}: {detail}
            </li>
          ))}
          {omittedNotes > 0 && <li>{many(omittedNotes, 'more note')}</li>}
        </ul>
      )}
      {changes.length > 0 && (
        <DataTable
          caption={changed > changes.length ? `The first ${changes.length} of ${many(changed, 'target')}` : 'Targets'}
          rows={changes}
          rowKey={({ name }) => name}
          columns={[
            { head: 'Target', cell: ({ name }) => name },
            { head: 'Change', cell: (change) => (change.created ? 'new' : 'changed') },
          ]}
        />
      )}
      {submission.problem && <ProblemBlock problem={submission.problem} />}
      <div class="actions">
        <button
          type="button"
          class="primary"
          disabled={submission.isBusy || changed === 0}
          title={changed === 0 ? 'No target would change' : undefined}
          onClick={() => void store()}
        >
          {refused > 0 ? `Store the ${many(changed, 'valid target')}` : `Store ${many(changed, 'target')}`}
        </button>
        {refused > 0 && <span class="faint">The refused rows are left out.</span>}
      </div>
    </Block>
  )
}

function Stored({ outcome: { created, updated, refused, changes } }: { outcome: Outcome }) {
  const [first] = changes
  return (
    <EmptyState
      title={`${many(created, 'target')} added, ${updated.toLocaleString('en')} changed.`}
      next={
        <>
          <Link class="button" to="/targets">
            Open targets
          </Link>
          {first && changes.length === 1 && (
            <Link class="button" to={uri`/targets/${first.name}`}>
              Open {first.name}
            </Link>
          )}
        </>
      }
    >
      {refused > 0 && (
        <>
          <Verdict result="unknown" text={many(refused, 'row')} /> {refused === 1 ? 'was' : 'were'} refused.
        </>
      )}
    </EmptyState>
  )
}
