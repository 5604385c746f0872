import { useState } from 'preact/hooks'
import { asProblemError, send } from '../../api/client.ts'
import type { ProblemError } from '../../api/problem.ts'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { query, queryAll } from '../../url/location.ts'
import { Flows } from './flow-view.tsx'
import type { FlowReport } from './texts.ts'

/** The flows of a draft that is pasted, judged against what is known of the targets. */
export function Draft() {
  const [text, setText] = useState('')
  const [report, setReport] = useState<FlowReport>()
  const [problem, setProblem] = useState<ProblemError>()
  const [isBusy, setBusy] = useState(false)
  const target = query.value.get('target')
  const labels = Object.fromEntries(queryAll('label').map((label) => label.split(':', 2) as [string, string]))
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    try {
      const body = { document: text, targets: target ? [target] : { labels } }
      setReport(await send<FlowReport>('POST', '/v1/reports/flows', body))
      setProblem(undefined)
    } catch (error) {
      setProblem(asProblemError(error))
    }
    setBusy(false)
  }
  return (
    <>
      <form class="flow-draft" onSubmit={(event) => void submit(event)}>
        <label class="field">
          Policy document in YAML
          <textarea
            rows={12}
            required
            spellcheck={false}
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <p class="faint">Nothing is stored, and no packet is sent: the draft is judged by what audits have seen.</p>
        {problem && <ProblemBlock problem={problem} />}
        <div class="actions">
          <button type="submit" class="primary" disabled={isBusy}>
            Show the flows
          </button>
        </div>
      </form>
      {report && <Flows report={report} target={target ?? undefined} />}
    </>
  )
}
