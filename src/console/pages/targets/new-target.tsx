import { useState } from 'preact/hooks'
import { send } from '../../api/client.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { useSubmission } from '../../parts/forms/submission.ts'
import { Page } from '../../parts/page.tsx'
import { href, navigate } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { emptyTarget, type TargetContent } from './target-fields.ts'
import { TargetForm } from './target-form.tsx'

/** A form for a host that is to be audited. */
export default function NewTarget() {
  const [typed, setTyped] = useState(emptyTarget)
  const submission = useSubmission()
  const reason = whyNotAllowed('targets:write')
  const create = (content: TargetContent) =>
    submission.run(async () => {
      await send('POST', '/v1/targets', content, { headers: submission.keyFor(content) })
      navigate(href(uri`/targets/${content.name}`))
    })
  return (
    <Page title="Add a target" lead="A host whose ports are to be audited.">
      {reason ? (
        <EmptyState title={`${reason}.`} />
      ) : (
        <TargetForm
          typed={typed}
          isNew
          submission={submission}
          submit="Add the target"
          onChange={setTyped}
          onSend={create}
        />
      )}
    </Page>
  )
}
