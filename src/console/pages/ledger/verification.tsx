import { useEffect, useRef, useState } from 'preact/hooks'
import type { Static } from 'typebox'
import type { LedgerVerification } from '../../../api/routes/ledger/schemas.ts'
import { asProblemError, get, isAbort } from '../../api/client.ts'
import type { ProblemError } from '../../api/problem.ts'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { Verdict } from '../../parts/results/verdict.tsx'
import { Time } from '../../parts/time.tsx'
import { apiPath } from '../../url/parameters.ts'

type Part = Static<typeof LedgerVerification>

interface Progress {
  entries: number
  unverified: number
  audits: number
  broken: Part['broken']
  isDone: boolean
  startedAt: string
}

/** Adds what a part of the ledger showed to what is known. */
const plus = (known: Progress, { entries, unverified, findings, broken, next }: Part): Progress => ({
  ...known,
  entries: known.entries + entries,
  unverified: known.unverified + unverified.reduce((sum, one) => sum + one.entries, 0),
  audits: known.audits + (findings?.audits ?? 0),
  broken,
  isDone: next === null || broken !== null,
})

/** Verifies the ledger part by part, with progress; optionally its audits and their findings, and against an older head. */
export function Verification({ total }: { total: number | undefined }) {
  const [withFindings, setWithFindings] = useState(false)
  const [head, setHead] = useState('')
  const [progress, setProgress] = useState<Progress>()
  const [problem, setProblem] = useState<ProblemError>()
  const leaving = useRef<AbortController>(undefined)
  useEffect(() => () => leaving.current?.abort(), [])
  const verify = async (signal: AbortSignal) => {
    let known: Progress = {
      entries: 0,
      unverified: 0,
      audits: 0,
      broken: null,
      isDone: false,
      startedAt: new Date().toISOString(),
    }
    setProgress(known)
    let from: number | null = 1
    while (from !== null) {
      const part: Part = await get(
        apiPath('/v1/ledger/verify', { from, head: head.trim(), findings: withFindings || null }),
        { signal },
      )
      known = plus(known, part)
      setProgress(known)
      from = known.isDone ? null : part.next
    }
  }
  const start = (event: SubmitEvent) => {
    event.preventDefault()
    leaving.current?.abort()
    leaving.current = new AbortController()
    setProblem(undefined)
    verify(leaving.current.signal).catch((error: unknown) => {
      if (isAbort(error)) return
      setProgress(undefined)
      setProblem(asProblemError(error))
    })
  }
  return (
    <form class="form card" onSubmit={start}>
      <label class="check ledger-check">
        <input
          type="checkbox"
          checked={withFindings}
          onChange={({ currentTarget }) => setWithFindings(currentTarget.checked)}
        />
        Check policies, audits and their findings too
      </label>
      <label>
        Head of an earlier day (optional)
        <input
          class="mono"
          placeholder="17:bbbb…"
          value={head}
          onInput={({ currentTarget }) => setHead(currentTarget.value)}
        />
      </label>
      <button type="submit" class="primary" disabled={progress && !progress.isDone}>
        Verify the ledger
      </button>
      <div role="status">
        {progress && (progress.isDone ? <Outcome {...progress} /> : <Running {...progress} total={total} />)}
      </div>
      {problem && <ProblemBlock problem={problem} />}
    </form>
  )
}

function Running({ entries, total }: Progress & { total: number | undefined }) {
  return (
    <>
      <progress class="ledger-progress" aria-label="Entries that are checked" value={entries} max={total} />
      <p>
        {entries.toLocaleString('en')} {total !== undefined && `of ${total.toLocaleString('en')}`} entries checked
      </p>
    </>
  )
}

function Outcome({ entries, unverified, audits, broken, startedAt }: Progress) {
  if (broken)
    return (
      <p>
        <Verdict result="fail" text="Broken" /> at entry {broken.seq.toLocaleString('en')}: {broken.message}
      </p>
    )
  const rest = unverified > 0
  return (
    <p>
      {rest ? <Verdict result="unknown" text="Not all verified" /> : <Verdict result="pass" text="Intact" />}{' '}
      {entries.toLocaleString('en')} entries{audits > 0 && `, the findings of ${audits.toLocaleString('en')} audits`}
      {rest && `; ${unverified.toLocaleString('en')} of them signed with keys that the service does not have`}, checked{' '}
      <Time value={startedAt} />
    </p>
  )
}
