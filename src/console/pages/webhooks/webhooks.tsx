import { useState } from 'preact/hooks'
import { mayAny } from '../../api/me.ts'
import { me } from '../../api/session.ts'
import { EmptyState } from '../../parts/empty-state.tsx'
import { Link } from '../../parts/link.tsx'
import { Listing } from '../../parts/lists/listing.tsx'
import { OnlyNow } from '../../parts/only-now.tsx'
import { Page } from '../../parts/page.tsx'
import { at } from '../../url/location.ts'
import { uri } from '../../url/parameters.ts'
import { nameOf, type Webhook, WebhookState } from './shown-webhook.tsx'
import { WebhookForm } from './webhook-form.tsx'

/** The receivers of events. */
export default function Webhooks() {
  const [isOpen, setOpen] = useState(false)
  if (at.value) return <OnlyNow title="Webhooks" />
  if (!mayAny(me.value))
    return (
      <Page title="Webhooks">
        <EmptyState title="Only administrators see webhooks.">Your key needs the scope admin.</EmptyState>
      </Page>
    )
  const create = (
    <button type="button" class="primary" onClick={() => setOpen(true)}>
      Create a webhook
    </button>
  )
  return (
    <Page title="Webhooks" lead="Where events are sent, and whether they arrive." actions={create}>
      <Listing<Webhook>
        path="/v1/webhooks"
        hasFiles={false}
        caption="Webhooks, newest first"
        rowKey={({ id }) => id}
        columns={[
          { head: 'Webhook', cell: (webhook) => <Link to={uri`/webhooks/${webhook.id}`}>{nameOf(webhook)}</Link> },
          { head: 'Events', cell: ({ events }) => events.join(', ') },
          { head: 'Format', cell: ({ format }) => format },
          { head: 'State', cell: (webhook) => <WebhookState webhook={webhook} /> },
        ]}
        empty={
          <EmptyState title="There are no webhooks yet." next={create}>
            A webhook sends events, such as a new failure, to a ticket system or chat.
          </EmptyState>
        }
      />
      {isOpen && <WebhookForm onClose={() => setOpen(false)} />}
    </Page>
  )
}
