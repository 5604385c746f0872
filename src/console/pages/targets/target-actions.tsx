import type { Static } from 'typebox'
import type { Audit } from '../../../api/routes/audits/schemas.ts'
import { send } from '../../api/client.ts'
import { ConfirmButton } from '../../parts/controls/confirm-button.tsx'
import { whyNotAllowed } from '../../parts/forms/permission.ts'
import { useSubmission } from '../../parts/forms/submission.ts'
import { Link } from '../../parts/link.tsx'
import { ProblemBlock } from '../../parts/problem-block.tsx'
import { href, navigate } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'

/** What a person may do with a target. */
export function TargetActions({ name, policies }: { name: string; policies: readonly string[] }) {
  const mayNotWrite = whyNotAllowed('targets:write')
  const retire = async () => {
    await send('DELETE', uri`/v1/targets/${name}`)
    navigate(href('/targets'))
  }
  return (
    <>
      <Link class="button" to="/flows" query={{ target: name }}>
        Flow map
      </Link>
      <Link class="button" to="/findings" query={{ target: name, show: 'fix' }}>
        Fix list
      </Link>
      {!mayNotWrite && (
        <>
          <Link class="button" to={`${uri`/targets/${name}`}/edit`}>
            Edit
          </Link>
          <ConfirmButton label="Retire" title={`Retire ${name}?`} confirm="Retire the target" action={retire}>
            <p>
              No audit includes it any more. Its findings and its history stay, and a new target with this name
              continues them.
            </p>
          </ConfirmButton>
        </>
      )}
      {!whyNotAllowed('audits:run') && <AuditNow name={name} policies={policies} />}
    </>
  )
}

/** Starts an audit immediately where one policy is known for the target; otherwise the form asks for it. */
function AuditNow({ name, policies }: { name: string; policies: readonly string[] }) {
  const submission = useSubmission()
  const [policy] = policies
  if (policy === undefined || policies.length > 1)
    return (
      <Link class="button primary" to="/audits/new" query={{ target: name }}>
        Audit now
      </Link>
    )
  const start = () =>
    submission.run(async () => {
      const body = { policy, targets: [name] }
      const headers = submission.keyFor(body)
      const audit = await send<Static<typeof Audit>>('POST', '/v1/audits', body, { headers })
      navigate(href(uri`/audits/${audit.id}`))
    })
  return (
    <>
      <button type="button" class="primary" disabled={submission.isBusy} onClick={() => void start()}>
        Audit now
      </button>
      {submission.problem && (
        <>
          <ProblemBlock problem={submission.problem} />
          <Link to="/audits/new" query={{ target: name, policy }}>
            Set its parameters
          </Link>
        </>
      )}
    </>
  )
}
