import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Link } from '../../parts/link.tsx'
import { Block, Page } from '../../parts/page.tsx'
import { at, href, hrefWith, navigate } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import './reports.css'

/** The reports for paper. */
export default function Reports() {
  return (
    <Page
      title="Reports"
      lead="For paper and PDF: the browser prints them, also of a time in the past. Nothing leaves this page."
    >
      <Ends />
      <div class="columns">
        <Block title="Compliance statement">
          <Choice text="What was checked, what complies, what was not tested, and which exceptions were in force.">
            <Link class="button" to="/reports/compliance">
              Open the statement
            </Link>
          </Choice>
        </Block>
        <Block title="Failures with remediation">
          <Choice text="What fails and no waiver accepts, by rule, with why it matters and how to fix it.">
            <Link class="button" to="/reports/failures">
              Open the failures
            </Link>
          </Choice>
        </Block>
        <Block title="What was not tested">
          <Choice text="What is not known, by cause, with the targets and rules behind it and what to do next.">
            <Link class="button" to="/unknown">
              Open what is not known
            </Link>
          </Choice>
        </Block>
        <Block title="Control report">
          <Choice text="What the rules prove about the controls of a framework, and what they do not.">
            <Link class="button" to="/reports/controls">
              Open the controls
            </Link>
          </Choice>
        </Block>
        <Block title="Digest">
          <Choice text="What changed since the last digest, or that nothing did; what ends soon, and what was missed.">
            <Link class="button" to="/reports/digest">
              Open the digest
            </Link>
          </Choice>
        </Block>
        <Block title="Change record">
          <ChangeRecord />
        </Block>
      </div>
    </Page>
  )
}

/** The ends of the last month and the last quarter, in the zone of the browser. */
function Ends() {
  const now = new Date()
  const monthsInto = now.getMonth() % 3
  const startOf = (monthsBack: number) => new Date(now.getFullYear(), now.getMonth() - monthsBack, 1).toISOString()
  return (
    <p class="actions">
      As of:
      {at.value && <Link url={hrefWith({ at: null })}>now</Link>}
      <Link url={hrefWith({ at: startOf(0) })}>the end of last month</Link>
      <Link url={hrefWith({ at: startOf(monthsInto) })}>the end of last quarter</Link>
    </p>
  )
}

function Choice({ text, children }: { text: string; children: ComponentChildren }) {
  return (
    <div class="card report-choice">
      <p>{text}</p>
      {children}
    </div>
  )
}

function ChangeRecord() {
  const [ticket, setTicket] = useState('')
  return (
    <form
      class="card report-choice"
      onSubmit={(event) => {
        event.preventDefault()
        navigate(href(uri`/tickets/${ticket.trim()}`))
      }}
    >
      <p>What happened under the number of a ticket, and whether it can be closed.</p>
      <label class="field">
        Ticket
        <input required value={ticket} onInput={({ currentTarget }) => setTicket(currentTarget.value)} />
      </label>
      <button type="submit">Open the record</button>
    </form>
  )
}
