import { Link } from '../../parts/link.tsx'
import { Block } from '../../parts/page.tsx'

/** What a new installation needs before there is anything to see. */
export function FirstSteps() {
  return (
    <Block title="First steps">
      <ol class="steps card">
        <li>
          <strong>Audit a server.</strong> A policy is built in: the port list of Netwrix Endpoint Protector. Name a
          server and its address, and see its first findings.
          <div class="actions">
            <Link to="/audits/new" class="button primary">
              New audit
            </Link>
          </div>
        </li>
        <li>
          <strong>Add the other servers.</strong> An import takes CSV, NDJSON, and the XML of nmap.
          <div class="actions">
            <Link to="/targets">Open targets</Link>
          </div>
        </li>
        <li>
          <strong>Audit every night.</strong> A schedule starts the same audit again, and this page shows what changed.
        </li>
      </ol>
    </Block>
  )
}
